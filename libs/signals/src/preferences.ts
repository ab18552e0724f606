// Preferences: a group's reconciled verdicts as a table over its distinct texts.
import type { PairVerdict } from '@overtone/contracts';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import { reconcile } from './reconcile.ts';

/** Who is preferred to whom among the distinct texts of a group. */
export interface Preferences {
  /** Number of distinct texts. */
  size: number;
  /**
   * Probability that text a is better than text b, minus one half: positive when a is preferred, 0 for a tie, undefined
   * without a readable verdict. In this form, unlike as a probability, swapping a and b is exact: it changes the sign alone.
   */
  advantage(a: number, b: number): number | undefined;
}

/**
 * Checks a group's verdicts: each names two different solutions of the group, i < j, once, with probabilities.
 * @param field the contract's name of the list, for the error
 * @throws InvalidInput naming the first verdict that is wrong
 */
export function checkVerdicts(group: Group, verdicts: readonly PairVerdict[], field = 'verdicts'): void {
  const seen = new Set<string>();
  verdicts.forEach(({ i, j, forward, backward }, position) => {
    const where = `${field}[${position}]`;
    for (const [name, index] of [
      ['i', i],
      ['j', j],
    ] as const) {
      if (!group.textOf.has(index)) {
        throw new InvalidInput(
          `${where}.${name}`,
          `is ${index}, out of range; expected the index of one of the ${group.solutions.length} solutions`,
        );
      }
    }
    if (i >= j) throw new InvalidInput(where, `pairs ${i} with ${j}; expected i < j`);
    const key = `${i},${j}`;
    if (seen.has(key)) {
      throw new InvalidInput(
        where,
        `repeats the pair ${i}, ${j}; expected every pair once, with both orders in one verdict`,
      );
    }
    seen.add(key);
    for (const [name, probability] of [
      ['forward', forward],
      ['backward', backward],
    ] as const) {
      if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
        throw new InvalidInput(
          `${where}.${name}`,
          `is ${probability}; expected a probability in [0, 1], or nothing when the verdict was unreadable`,
        );
      }
    }
  });
}

/** The pairs of distinct texts that have a verdict, readable or not. */
export interface AskedPairs {
  /** How many there are. */
  pairs: number;
  /** Whether two texts have one. */
  wasAsked(a: number, b: number): boolean;
}

/** Which pairs of texts checked verdicts are about; a verdict between identical texts is about none. */
export function askedPairs(group: Group, verdicts: readonly PairVerdict[]): AskedPairs {
  const size = group.texts.length;
  const asked = new Uint8Array(size * size);
  let pairs = 0;
  for (const { i, j } of verdicts) {
    const a = group.textOf.get(i);
    const b = group.textOf.get(j);
    if (a === undefined || b === undefined || a === b || asked[a * size + b] === 1) continue;
    asked[a * size + b] = 1;
    asked[b * size + a] = 1;
    pairs++;
  }
  return { pairs, wasAsked: (a, b) => asked[a * size + b] === 1 };
}

/**
 * The preferences that checked verdicts express. A verdict between identical texts says nothing; several verdicts on the
 * same two texts (through duplicates) are averaged.
 */
export function preferencesOf(group: Group, verdicts: readonly PairVerdict[]): Preferences {
  const size = group.texts.length;
  const sums = new Float64Array(size * size);
  const counts = new Uint32Array(size * size);
  for (const verdict of verdicts) {
    const a = group.textOf.get(verdict.i);
    const b = group.textOf.get(verdict.j);
    const { preference } = reconcile(verdict);
    if (a === undefined || b === undefined || a === b || preference === undefined) continue;
    const cell = Math.min(a, b) * size + Math.max(a, b);
    sums[cell] = (sums[cell] ?? 0) + (a < b ? preference - 0.5 : 0.5 - preference);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  return {
    size,
    advantage(a, b) {
      const cell = Math.min(a, b) * size + Math.max(a, b);
      const count = counts[cell] ?? 0;
      if (count === 0) return undefined;
      const advantage = (sums[cell] ?? 0) / count;
      return a < b ? advantage : -advantage;
    },
  };
}
