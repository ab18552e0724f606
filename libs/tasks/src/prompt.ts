// Puts a question to a model: the text around it, before the model's chat template.
import type { Problem } from './problem.ts';

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
