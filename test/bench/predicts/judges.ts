// The judges of a sweep, from perfect to adversarial.
import type { Degradation } from './degraded-judge.ts';

/**
 * Judges that are the rubric with a fault, by name. What a card says was chosen with this sweep in sight: above all, the flip rate
 * of the best because of `likes-regroup` and `longer`.
 */
const DEVELOPMENT: Readonly<Record<string, Degradation>> = {
  perfect: {},
  // Preferences turned round by chance, pair by pair, and said with confidence.
  'flips-20': { flips: 0.2 },
  'flips-35': { flips: 0.35 },
  'flips-42': { flips: 0.42 },
  'flips-47': { flips: 0.47 },
  'flips-50': { flips: 0.5 },
  'flips-55': { flips: 0.55 },
  'flips-65': { flips: 0.65, confidence: 0.8 },
  reversed: { flips: 1 },
  'first-60': { first: 0.6, flips: 0.2 },
  'first-95': { first: 0.95, flips: 0.4 },
  'shorter-50': { criterion: 'shorter', share: 0.5 },
  'shorter-75': { criterion: 'shorter', share: 0.75 },
  shorter: { criterion: 'shorter' },
  longer: { criterion: 'longer' },
  'likes-regroup': { criterion: 'regroup' },
};

/** Judges with other faults, or other doses of them: what was chosen on the first ones is to be confirmed on these. */
const CONFIRMATION: Readonly<Record<string, Degradation>> = {
  'flips-10': { flips: 0.1 },
  'flips-25': { flips: 0.25 },
  'flips-40': { flips: 0.4 },
  'flips-60': { flips: 0.6 },
  'flips-75': { flips: 0.75 },
  'first-80': { first: 0.8, flips: 0.25 },
  'longer-50': { criterion: 'longer', share: 0.5 },
  'longer-80': { criterion: 'longer', share: 0.8 },
  'shorter-60': { criterion: 'shorter', share: 0.6 },
  'shorter-90': { criterion: 'shorter', share: 0.9 },
  'likes-direct': { criterion: 'direct' },
  'likes-terse': { criterion: 'terse' },
  'likes-plan': { criterion: 'plan' },
  'likes-regroup-60': { criterion: 'regroup', share: 0.6 },
};

/** The sweeps, by name. */
export const SWEEPS = { development: DEVELOPMENT, confirmation: CONFIRMATION } as const;

/** Judges that are the miniature after less pre-training, by name: its budget in tokens. The shipped one had 12 million. */
export const CHECKPOINTS: Readonly<Record<string, number>> = { 'weak-1M': 1e6, 'weak-3M': 3e6 };
