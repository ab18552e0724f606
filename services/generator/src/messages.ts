// A request's conversation.
import { type ChatMessage } from '@overtone/contracts';
import { checkConversation, checkField } from '@overtone/rpc';

/** No tokenizer that is known has a longer token, characters. */
const LONGEST_TOKEN = 256;
/** Texts up to this length are always looked at: how many tokens they have is what their error should say. */
const SHORT_TEXT = 65_536;

/** Checks that there are messages, and their roles; `field` names them. */
export function parseMessages(messages: readonly ChatMessage[], field: string): readonly ChatMessage[] {
  checkField(messages.length > 0, field, 'must not be empty');
  checkConversation(messages, field);
  return messages.map(({ role, content }) => ({ role, content }));
}

/**
 * Refuses what cannot fit into a context, before a tokenizer spends minutes on it.
 *
 * @param texts Everything that is to fit together.
 * @param contextLength Longest sequence, tokens; 0 where it is not known.
 */
export function checkLength(texts: readonly string[], contextLength: number, field: string): void {
  if (contextLength === 0) return;
  const characters = texts.reduce((sum, { length }) => sum + length, 0);
  checkField(
    characters <= Math.max(SHORT_TEXT, contextLength * LONGEST_TOKEN),
    field,
    `${characters} characters cannot fit into the model's context of ${contextLength} tokens`,
  );
}
