// What several rounds of a measurement say: the middle, and how far they lie apart.
import { quantile } from '@overtone/statistics';

/** Median and range. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Throws a RangeError when there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('No round was measured');
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    lowest: sorted[0] ?? NaN,
    highest: sorted.at(-1) ?? NaN,
  };
}

/**
 * How many times faster we were than a peer, from rounds in which one ran right after the other: the ratio of each round, so that
 * what slows the machine down for a while slows down both.
 *
 * @param ours Seconds of each round.
 * @param theirs Seconds of each round, as many.
 */
export function speedups(ours: readonly number[], theirs: readonly number[]): Spread {
  if (ours.length !== theirs.length)
    throw new RangeError(`${ours.length} rounds of ours and ${theirs.length} of the peer are no pairs`);
  return spreadOf(ours.map((seconds, round) => (theirs[round] ?? NaN) / seconds));
}
