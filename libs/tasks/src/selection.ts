// A selection of problems: part of a data set, in its own order or shuffled by a seed.
import { seededRandom, shuffle } from '@overtone/statistics';

/** Which problems to take. */
export interface Selection {
  /** How many; all that there are after the offset when absent. */
  readonly count?: number | undefined;
  /** How many to leave out first, so that several selections with the same seed share none. Default 0. */
  readonly offset?: number | undefined;
  /** Shuffle all of them first; absent, they keep their order. */
  readonly seed?: number | undefined;
}

/**
 * Takes part of a list: the same part for the same seed, on every machine.
 *
 * @throws RangeError when there are fewer than `offset + count`.
 */
export function select<Item>(items: readonly Item[], { count, offset = 0, seed }: Selection): Item[] {
  const wanted = offset + (count ?? 1);
  if (count !== 0 && wanted > items.length) {
    throw new RangeError(
      `there are only ${items.length} questions, but ${count ?? 'some'} after the first ${offset} are asked for; lower count or offset`,
    );
  }
  const ordered = seed === undefined ? items : shuffle(items, seededRandom('selection', seed));
  return ordered.slice(offset, count === undefined ? undefined : offset + count);
}
