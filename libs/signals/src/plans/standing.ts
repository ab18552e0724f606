// Where a plan stands: what has been asked about a group's distinct texts, and what was answered. Texts are numbers here, as
// everywhere in a group; a plan sees neither solutions nor duplicates.
import type { PairVerdict } from '@overtone/contracts';
import { seededRandom, shuffle } from '@overtone/statistics';
import type { Group } from '../group.ts';
import { askedPairs, type Preferences, preferencesOf } from '../preferences.ts';

/** Two different texts to compare. */
export type TextPair = readonly [number, number];

/** What a plan knows. */
export interface Standing {
  /** Number of distinct texts. */
  readonly size: number;
  /** The texts in an order that the seed and the problem's id draw: what nothing else decides, it does. */
  readonly order: readonly number[];
  /** What the verdicts so far prefer. */
  readonly preferences: Preferences;
  /** Pairs of texts with a verdict, readable or not. */
  readonly asked: number;
  /** Whether two texts have a verdict, readable or not. */
  wasAsked(a: number, b: number): boolean;
}

/** A way to choose pairs. */
export interface Plan {
  /** Most pairs that it asks for among so many texts when nobody says otherwise. */
  budget(size: number): number;
  /** The pairs to ask for next, best first, none of them asked before; empty when it is done. At most `left` of them count. */
  next(standing: Standing, left: number): TextPair[];
}

/** The standing after checked verdicts; a verdict between identical texts is none. */
export function standingOf(group: Group, verdicts: readonly PairVerdict[], seed: number): Standing {
  const size = group.texts.length;
  const { pairs, wasAsked } = askedPairs(group, verdicts);
  const texts = Array.from({ length: size }, (_, text) => text);
  return {
    size,
    order: shuffle(texts, seededRandom('comparison-plan', seed, group.problemId)),
    preferences: preferencesOf(group, verdicts),
    asked: pairs,
    wasAsked,
  };
}
