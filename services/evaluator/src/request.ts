// What the evaluator requires of a request.
import type { EvaluateRequest, Problem, SamplingParameters } from '@overtone/contracts';
import { checkConversation, checkField, checkSampling, checkUniqueIds } from '@overtone/rpc';

/** A request that was checked. */
export interface CheckedRequest {
  /** At least one, with unique ids, questions and answers. */
  problems: Problem[];
  sampling: SamplingParameters;
}

/** Most characters of all prompts together: they are sent to the generator in one message. */
const MOST_CHARACTERS = 2 ** 25;
const PLACEHOLDER = '{question}';

/** Checks a request. @throws RpcError INVALID_ARGUMENT that names the field. */
export function checkRequest(request: EvaluateRequest): CheckedRequest {
  checkField(request.problems.length > 0, 'problems', 'expected at least one');
  checkUniqueIds(request.problems, 'problems');
  const { problems } = request;
  for (const [i, { question, answer }] of problems.entries()) {
    checkField(question !== '', `problems[${i}].question`, 'must not be empty');
    checkField(answer.trim() !== '', `problems[${i}].answer`, 'must not be empty');
  }
  const sampling = checkSampling(request.sampling, problems.length);
  checkConversation(request.turns, 'turns');
  checkField(
    request.promptTemplate.includes(PLACEHOLDER),
    'prompt_template',
    'expected a text with "{question}" where the question belongs',
  );
  const characters = promptCharacters(request);
  checkField(
    characters <= MOST_CHARACTERS,
    'problems',
    `their prompts have ${characters} characters together, expected at most ${MOST_CHARACTERS}: evaluate them in several calls`,
  );
  return { problems, sampling };
}

/** Characters of all conversations, which repeat the turns and the template for every problem. */
function promptCharacters({ problems, promptTemplate, turns }: EvaluateRequest): number {
  const places = promptTemplate.split(PLACEHOLDER).length - 1;
  const shared = turns.reduce((sum, { content }) => sum + content.length, promptTemplate.length);
  const questions = problems.reduce((sum, { question }) => sum + question.length, 0);
  return shared * problems.length + places * questions;
}
