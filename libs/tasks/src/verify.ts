// Verifies a solution: exact equality of its final answer with the reference.
import { readAnswer } from './answer.ts';
import type { Problem } from './problem.ts';

/** What verification found. */
export interface Verification {
  /** Whether the final answer equals the reference answer. */
  correct: boolean;
  /** Whether a final answer could be read at all. */
  answered: boolean;
}

/** Verifies a solution's text against the problem's reference answer. */
export function verify(problem: Pick<Problem, 'answer'>, text: string): Verification {
  const answer = readAnswer(text);
  return { correct: answer !== undefined && answer === problem.answer, answered: answer !== undefined };
}
