// How many questions a paired comparison needs: two systems answer the same questions, and their differences, question by
// question, have a mean (the gain) and a spread. The size of a two-sided one-sample t test, by the normal approximation with
// Guenther's correction (1981), which is within a question or two of the non-central t distribution.
import { normalQuantile } from './normal-quantile.ts';

/** What a comparison is to reach. */
export interface PowerOptions {
  /** Probability of a false alarm, in (0, 1). Default 0.05. */
  alpha?: number;
  /** Probability of seeing a difference that is there, in (0, 1). Default 0.8. */
  power?: number;
}

/**
 * The questions after which a difference is seen (two-sided p < alpha) with a probability of `power`.
 * @param difference mean of the differences, of any sign
 * @param deviation their standard deviation between questions
 * @returns at least 2; Infinity for a difference of zero
 * @throws RangeError when a number makes no sense
 */
export function questionsNeeded(difference: number, deviation: number, options: PowerOptions = {}): number {
  const { falseAlarm, sum } = deviates(deviation, options);
  if (!Number.isFinite(difference))
    throw new RangeError(`questionsNeeded: the difference is ${difference}; expected a finite number`);
  if (difference === 0) return Infinity;
  return Math.max(2, Math.ceil(((sum * deviation) / difference) ** 2 + falseAlarm ** 2 / 2));
}

/**
 * The smallest difference that so many questions show with a probability of `power`: the inverse of `questionsNeeded`.
 * @param questions at least 1
 * @param deviation standard deviation of the differences between questions
 * @returns Infinity where there are too few questions for any
 * @throws RangeError when a number makes no sense
 */
export function detectableDifference(
  questions: number,
  deviation: number,
  options: PowerOptions = {},
): number {
  const { falseAlarm, sum } = deviates(deviation, options);
  if (!(questions >= 1))
    throw new RangeError(`detectableDifference: ${questions} questions; expected at least 1`);
  const effective = questions - falseAlarm ** 2 / 2;
  return effective > 0 ? (sum * deviation) / Math.sqrt(effective) : Infinity;
}

function deviates(
  deviation: number,
  { alpha = 0.05, power = 0.8 }: PowerOptions,
): { falseAlarm: number; sum: number } {
  if (!(deviation >= 0 && deviation < Infinity)) {
    throw new RangeError(
      `sample size: the deviation is ${deviation}; expected a finite number of at least 0`,
    );
  }
  if (!(alpha > 0 && alpha < 1 && power > 0 && power < 1))
    throw new RangeError(`sample size: alpha ${alpha}, power ${power}; expected numbers in (0, 1)`);
  const falseAlarm = normalQuantile(1 - alpha / 2);
  return { falseAlarm, sum: falseAlarm + normalQuantile(power) };
}
