// What the evaluator requires of a request.
import type { EvaluateRequest, Problem, SamplingParameters } from '@overtone/contracts';
import { checkField, checkUniqueIds, requiredField } from '@overtone/rpc';

/** A request that was checked. */
export interface CheckedRequest {
  /** At least one, with unique ids, questions and answers. */
  problems: Problem[];
  sampling: SamplingParameters;
}

/** Checks a request. @throws RpcError INVALID_ARGUMENT that names the field. */
export function checkRequest(request: EvaluateRequest): CheckedRequest {
  checkField(request.problems.length > 0, 'problems', 'expected at least one');
  checkUniqueIds(request.problems, 'problems');
  const { problems } = request;
  for (const [i, { question, answer }] of problems.entries()) {
    checkField(question !== '', `problems[${i}].question`, 'must not be empty');
    checkField(answer.trim() !== '', `problems[${i}].answer`, 'must not be empty');
  }
  const sampling = requiredField(request.sampling, 'sampling');
  checkField(sampling.samples >= 1, 'sampling.samples', 'expected at least 1');
  checkField(
    sampling.temperature >= 0,
    'sampling.temperature',
    `expected at least 0, got ${sampling.temperature}`,
  );
  checkField(
    sampling.topP > 0 && sampling.topP <= 1,
    'sampling.top_p',
    `expected (0, 1], got ${sampling.topP}`,
  );
  checkField(sampling.maxNewTokens >= 1, 'sampling.max_new_tokens', 'expected at least 1');
  checkField(
    request.promptTemplate.includes('{question}'),
    'prompt_template',
    'expected a text with "{question}" where the question belongs',
  );
  return { problems, sampling };
}
