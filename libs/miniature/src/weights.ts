// Weighted choice: the proportions of which every world is made.
import type { Random } from '@overtone/statistics';

/** A value and its weight; weights need not sum to 1. */
export type Weighted<T> = readonly (readonly [value: T, weight: number])[];

/** Draws a value with probability proportional to its weight. */
export function choose<T>(weighted: Weighted<T>, random: Random): T {
  let threshold = random() * weighted.reduce((total, [, weight]) => total + weight, 0);
  for (const [value, weight] of weighted) {
    threshold -= weight;
    if (threshold < 0) return value;
  }
  const last = weighted.findLast(([, weight]) => weight > 0);
  if (!last) throw new RangeError('expected at least one positive weight');
  return last[0];
}

/** @throws RangeError that names `what` unless there are weights, all finite and ≥ 0, one of them positive. */
export function requireWeights(what: string, weighted: Weighted<unknown>): void {
  const weights = weighted.map(([, weight]) => weight);
  if (
    !weights.every((weight) => Number.isFinite(weight) && weight >= 0) ||
    !weights.some((weight) => weight > 0)
  ) {
    throw new RangeError(
      `${what}: expected weights of at least 0, one of them positive; got ${weights.join(', ') || 'none'}`,
    );
  }
}
