// Moments of a sample: what it is on average, and how far it spreads.

/** Arithmetic mean. @throws RangeError when there are no values */
export function mean(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError('mean: no values; expected at least one');
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] as number;
  return sum / values.length;
}

/** Unbiased variance: squared deviations over n − 1. @throws RangeError when there are fewer than two values */
export function variance(values: ArrayLike<number>): number {
  if (values.length < 2) throw new RangeError(`variance: ${values.length} value(s); expected at least two`);
  const centre = mean(values);
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += ((values[index] as number) - centre) ** 2;
  return sum / (values.length - 1);
}

/** Square root of the unbiased variance. @throws RangeError when there are fewer than two values */
export function standardDeviation(values: ArrayLike<number>): number {
  return Math.sqrt(variance(values));
}
