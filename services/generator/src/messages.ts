// A request's conversation.
import { type ChatMessage } from '@overtone/contracts';
import { checkField } from '@overtone/rpc';

/** Checks that there are messages and that each has a role; `field` names them. */
export function parseMessages(messages: readonly ChatMessage[], field: string): readonly ChatMessage[] {
  checkField(messages.length > 0, field, 'must not be empty');
  messages.forEach(({ role }, index) =>
    checkField(role !== '', `${field}[${index}].role`, 'must not be empty'),
  );
  return messages.map(({ role, content }) => ({ role, content }));
}
