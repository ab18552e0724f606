// avg@k and pass@k of one question, from n samples of which c are correct.

/**
 * avg@k: the expected share of correct answers among k samples, c / n whatever k is.
 * @param samples n, at least 1
 * @param correct c, in [0, n]
 * @throws RangeError when the counts make no sense
 */
export function averageAtK(samples: number, correct: number): number {
  checkCounts('averageAtK', samples, correct, 1);
  return correct / samples;
}

/**
 * pass@k: the probability that at least one of k samples is correct; the unbiased estimate 1 − C(n−c, k) / C(n, k) of
 * Chen et al., "Evaluating large language models trained on code", 2021, as a product that does not overflow.
 * @param samples n, at least k
 * @param correct c, in [0, n]
 * @param k at least 1
 * @throws RangeError when the counts make no sense
 */
export function passAtK(samples: number, correct: number, k: number): number {
  if (!Number.isInteger(k) || k < 1)
    throw new RangeError(`passAtK: k is ${k}; expected an integer of at least 1`);
  checkCounts('passAtK', samples, correct, k);
  if (samples - correct < k) return 1;
  let allWrong = 1;
  for (let drawn = 0; drawn < k; drawn++) allWrong *= (samples - correct - drawn) / (samples - drawn);
  return 1 - allWrong;
}

function checkCounts(name: string, samples: number, correct: number, least: number): void {
  if (!Number.isInteger(samples) || samples < least) {
    throw new RangeError(`${name}: ${samples} samples; expected an integer of at least ${least}`);
  }
  if (!Number.isInteger(correct) || correct < 0 || correct > samples) {
    throw new RangeError(
      `${name}: ${correct} of ${samples} samples correct; expected an integer in [0, ${samples}]`,
    );
  }
}
