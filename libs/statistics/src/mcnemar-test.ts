// McNemar's test (1947), exact: of the questions that one of two systems solves and the other does not, does each have its half?

/**
 * Two-sided p-value of the exact test: the probability that a fair coin lands at least as unevenly.
 * @param gained questions that only the first system solves
 * @param lost questions that only the second solves
 * @returns 1 where no question tells the systems apart
 * @throws RangeError when the counts are no counts
 */
export function mcnemarTest(gained: number, lost: number): number {
  for (const count of [gained, lost]) {
    if (!Number.isInteger(count) || count < 0)
      throw new RangeError(`mcnemarTest: ${count} questions; expected an integer of at least 0`);
  }
  const tosses = gained + lost;
  const fewer = Math.min(gained, lost);
  // Terms of the binomial distribution by their logarithms: 2^-n is zero long before n is large.
  let logTerm = -tosses * Math.LN2;
  let tail = 0;
  for (let heads = 0; heads <= fewer; heads++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((tosses - heads) / (heads + 1));
  }
  return Math.min(1, 2 * tail);
}
