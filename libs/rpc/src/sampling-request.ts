// What may be asked for in one call that samples: the same wherever sampling parameters arrive.
import type { ChatMessage, SamplingParameters } from '@overtone/contracts';
import { checkField, requiredField } from './validation.ts';

/** Most samples of a prompt. */
const MOST_SAMPLES = 65_536;
/** Most samples of a call: each is remembered until it is finished. */
const MOST_SAMPLES_OF_CALL = 2 ** 22;
/** Most strings that end a sample; all of them are looked for after every token. */
const MOST_STOPS = 64;
/** Longest of them, characters. */
const LONGEST_STOP = 4096;
/** Most turns of a conversation. */
const MOST_MESSAGES = 4096;
const ROLES: readonly string[] = ['system', 'user', 'assistant'];

/**
 * Checks sampling parameters.
 *
 * @param prompts How many prompts are sampled with them.
 * @throws RpcError INVALID_ARGUMENT that names the field.
 */
export function checkSampling(sampling: SamplingParameters | undefined, prompts: number): SamplingParameters {
  const checked = requiredField(sampling, 'sampling');
  const { samples, temperature, topP, maxNewTokens, stop } = checked;
  checkField(
    samples >= 1 && samples <= MOST_SAMPLES,
    'sampling.samples',
    `must be at least 1 and at most ${MOST_SAMPLES}, got ${samples}`,
  );
  checkField(
    samples * prompts <= MOST_SAMPLES_OF_CALL,
    'sampling.samples',
    `${samples} of each of ${prompts} prompts are more than the ${MOST_SAMPLES_OF_CALL} of a call: ask for them in several`,
  );
  checkField(
    Number.isFinite(temperature) && temperature >= 0,
    'sampling.temperature',
    `must be a number ≥ 0, got ${temperature}`,
  );
  checkField(topP > 0 && topP <= 1, 'sampling.top_p', `must be in (0, 1], got ${topP}`);
  checkField(maxNewTokens >= 1, 'sampling.max_new_tokens', 'must be at least 1');
  checkField(
    stop.length <= MOST_STOPS,
    'sampling.stop',
    `must have at most ${MOST_STOPS} strings, has ${stop.length}`,
  );
  for (const [index, text] of stop.entries()) {
    checkField(text !== '', `sampling.stop[${index}]`, 'must not be empty');
    checkField(
      text.length <= LONGEST_STOP,
      `sampling.stop[${index}]`,
      `must have at most ${LONGEST_STOP} characters, has ${text.length}`,
    );
  }
  return checked;
}

/**
 * Checks a conversation: its length, and its turns' roles.
 *
 * @param field Its name, for errors.
 * @throws RpcError INVALID_ARGUMENT that names the turn.
 */
export function checkConversation(messages: readonly ChatMessage[], field: string): void {
  checkField(
    messages.length <= MOST_MESSAGES,
    field,
    `must have at most ${MOST_MESSAGES} turns, has ${messages.length}`,
  );
  for (const [index, { role }] of messages.entries()) {
    checkField(
      ROLES.includes(role),
      `${field}[${index}].role`,
      `must be ${ROLES.map((name) => `"${name}"`).join(' or ')}, got ${JSON.stringify(role.slice(0, 40))}`,
    );
  }
}
