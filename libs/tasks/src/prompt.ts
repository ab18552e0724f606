// Puts a question to a model: the text around it, before the model's chat template.
import type { LoadedProblem, Problem } from './problem.ts';

const PLACEHOLDER = '{question}';

/** The prompt for instruction-following models: work in steps, final answer in a box. */
export const DEFAULT_PROMPT_TEMPLATE = `${PLACEHOLDER}\n\nWork through this step by step and show your work. Write the final answer inside \\boxed{}.`;

/**
 * The prompt of a problem: every "{question}" in the template is replaced by the question.
 *
 * @throws RangeError when the template has no "{question}".
 */
export function renderPrompt(template: string, problem: Pick<Problem, 'question'>): string {
  if (!template.includes(PLACEHOLDER)) {
    throw new RangeError(
      `the prompt template ${JSON.stringify(template.slice(0, 80))} has no "${PLACEHOLDER}": put it where the question belongs`,
    );
  }
  return template.replaceAll(PLACEHOLDER, () => problem.question);
}

/** One turn of a conversation. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** How questions are put to a model. */
export interface Prompt {
  /** The text around "{question}". */
  readonly template: string;
  /** Turns before the question, for instance solved examples. */
  readonly turns: readonly Turn[];
}

/** The conversation that asks a problem's question. */
export function askingTurns({ template, turns }: Prompt, problem: Pick<Problem, 'question'>): Turn[] {
  return [...turns, { role: 'user', content: renderPrompt(template, problem) }];
}

/** A question with the solution that is shown for it. */
export interface SolvedExample {
  readonly question: string;
  readonly solution: string;
}

/** Solved examples as turns of a conversation: the template's prompt of each question, and its solution as the answer. */
export function exampleTurns(template: string, examples: readonly SolvedExample[]): Turn[] {
  return examples.flatMap((example): Turn[] => [
    { role: 'user', content: renderPrompt(template, example) },
    { role: 'assistant', content: example.solution },
  ]);
}

/**
 * A problem as an example: its worked solution ends in the answer in a box.
 *
 * @throws RangeError when it has no worked solution.
 */
export function solvedExample({ id, question, answer, solution }: LoadedProblem): SolvedExample {
  const steps = solution?.replace(/\n?#### *[^\n]*\s*$/, '').trim();
  if (steps === undefined || steps === '') {
    throw new RangeError(
      `examples: question "${id}" has no worked solution to show; its answer should be a text that ends in "#### ${answer}"`,
    );
  }
  return { question, solution: steps.includes('\\boxed{') ? steps : `${steps}\n\\boxed{${answer}}` };
}
