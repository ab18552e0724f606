// A training sequence: a prompt and a completion, in tokens.
import { type Message, type Tokenizer } from '@overtone/language-model';

/** Tokens of a prompt followed by its completion and the end token. */
export interface Sequence {
  readonly tokens: Int32Array;
  /** Tokens before the completion; at least 1. */
  readonly promptLength: number;
}

/** Tokens that are learned from: the completion's, the end token included. */
export function completionLength(sequence: Sequence): number {
  return sequence.tokens.length - sequence.promptLength;
}

/** Tokenises a conversation and the assistant's answer. */
export function tokenizeSequence(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  completion: string,
): Sequence {
  const prompt = tokenizer.encodeChat(messages);
  return {
    tokens: Int32Array.from([...prompt, ...tokenizer.encode(completion), tokenizer.eosTokenId]),
    promptLength: prompt.length,
  };
}
