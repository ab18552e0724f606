// Holm's correction (1979): p-values of several tests, adjusted so that rejecting those below alpha finds something where
// there is nothing in at most a share alpha of all studies, whatever the tests have in common.

/**
 * Adjusted p-values, in the order given: the smallest times the number of tests, the next times one less, and so on, none
 * smaller than one before it and none above 1.
 * @param pValues in [0, 1]
 * @throws RangeError for a value outside [0, 1]
 */
export function holm(pValues: readonly number[]): number[] {
  pValues.forEach((value, index) => {
    if (!(value >= 0 && value <= 1))
      throw new RangeError(`holm: p-value ${index} is ${value}; expected a number in [0, 1]`);
  });
  const adjusted = new Array<number>(pValues.length).fill(1);
  let least = 0;
  const ascending = pValues.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  ascending.forEach(({ value, index }, rank) => {
    least = Math.max(least, Math.min(1, value * (pValues.length - rank)));
    adjusted[index] = least;
  });
  return adjusted;
}
