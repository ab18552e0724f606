// Quantiles of a sample by linear interpolation between order statistics (Hyndman and Fan's type 7, the default of
// NumPy and R).

/**
 * The value below which a share `probability` of the sample lies.
 * @param sorted the sample in ascending order, at least one value
 * @param probability in [0, 1]
 * @throws RangeError when the sample is empty or the probability lies outside [0, 1]
 */
export function quantile(sorted: ArrayLike<number>, probability: number): number {
  if (sorted.length === 0) throw new RangeError('quantile: no values; expected at least one');
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`quantile: probability is ${probability}; expected a number in [0, 1]`);
  }
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const lower = sorted[below] as number;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return lower + (position - below) * (upper - lower);
}
