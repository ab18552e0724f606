// Verifies a solution: exact equality of its final answer with the reference.
import { checkAnswer, type Verification } from './answer.ts';
import type { Problem } from './problem.ts';

/** Changes whenever verdicts may change: part of the key of whatever depends on them. */
export const VERIFIER_VERSION = 'answer-2';

/**
 * Verifies a solution's text against the problem's reference answer.
 *
 * Numbers are equal when they are exactly equal as rational numbers: 18 = 18.0 = 36/2; there is no tolerance, 0.33 is not
 * 1/3. Units are ignored where the reference has none; where it has one, the answer has the same or none. A percent sign
 * is such a unit: to a reference of 50 or of "50%", "50%" and "50" are right and 0.5 is wrong. Only to a reference between
 * -1 and 1 a percentage is never right, since 0.5 may be meant as a half or as half a percent.
 *
 * References that are no numbers are compared as texts, but for case, blanks and mark-up; "B", "(B)" and "(B) Paris" are
 * the same choice.
 *
 * Takes time linear in the length of the text.
 */
export function verify(problem: Pick<Problem, 'answer'>, text: string): Verification {
  return checkAnswer(problem.answer, text);
}
