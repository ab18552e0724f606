// Vectors of models that can talk: conversations, their tokens by the chat template, greedy answers.
import { type Message } from '@overtone/language-model';
import { type Greedy } from './reference.fixture.ts';

/** A conversation and the model's greedy answer, at most 64 tokens with the end token. */
export interface Conversation extends Greedy {
  readonly messages: readonly Message[];
  /** The answer, special tokens included. */
  readonly text: string;
}

/** What make_vectors.py writes of such a model. */
export interface Conversations {
  readonly prompts: readonly Conversation[];
}

/** The tokens of each conversation with its answer. */
export function wholeSequences({ prompts }: Conversations): number[][] {
  return prompts.map(({ prompt, tokens }) => [...prompt, ...tokens]);
}
