// Wording: how the styles speak. In a loose world the informal styles open with one of four random phrases, so that
// loose wording goes with loose work and token-level entropy tells styles apart; in a fixed world nobody varies.
import type { Random } from '@overtone/statistics';

/** "loose": informal styles open with a random phrase; "fixed": always with the same one. */
export type Wording = 'loose' | 'fixed';

/** The opening phrases of the informal styles; the fixed world uses the first. */
export const OPENING_PHRASES = ['Okay', 'Hmm', 'Well', 'So'] as const;

/** The announcement that opens the style "plan". */
export const PLAN = 'Plan: in order';

/** An opening phrase. Draws one number in a loose world, none in a fixed one. */
export function openingPhrase(wording: Wording, random: Random): string {
  if (wording === 'fixed') return OPENING_PHRASES[0];
  return OPENING_PHRASES[Math.floor(random() * OPENING_PHRASES.length)] ?? OPENING_PHRASES[0];
}
