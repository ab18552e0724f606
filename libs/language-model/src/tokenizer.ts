// A model's tokenizer and chat template.
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { isJsonObject, readJson } from './config.ts';
import { ModelError } from './model-error.ts';

/** One turn of a conversation. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** Text to tokens and back. */
export interface Tokenizer {
  /** Tokens, the added ones included. */
  readonly vocabSize: number;
  /** The token that ends a turn. */
  readonly eosTokenId: number;
  /** Fills rows that are shorter than others. */
  readonly padTokenId: number;
  /** Tokens of a text, without special tokens around it. */
  encode(text: string): number[];
  /** Text of tokens; special tokens are left out. */
  decode(tokens: readonly number[]): string;
  /** Tokens of a conversation up to where the assistant's answer begins. */
  encodeChat(messages: readonly Message[]): number[];
}

function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value['content'] === 'string' ? value['content'] : undefined;
}

/** Makes a tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`. `folder` is named in errors. */
export function createTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
  folder = 'the tokenizer',
): Tokenizer {
  if (!isJsonObject(tokenizerJson)) throw new ModelError(`${folder}/tokenizer.json: expected a JSON object`);
  if (!isJsonObject(tokenizerConfig))
    throw new ModelError(`${folder}/tokenizer_config.json: expected a JSON object`);
  const hub = new HubTokenizer(tokenizerJson, tokenizerConfig);
  const source = tokenizerConfig['chat_template'];
  if (typeof source !== 'string') {
    throw new ModelError(
      `${folder}/tokenizer_config.json: no chat_template; add one, for example that of the model's instruction-tuned sibling`,
    );
  }
  const template = new Template(source);
  const special = Object.fromEntries(
    ['bos_token', 'eos_token', 'pad_token'].map((key) => [key, tokenText(tokenizerConfig[key])]),
  );
  const idOf = (key: string): number | undefined => {
    const text = special[key];
    return text === undefined ? undefined : hub.token_to_id(text);
  };
  const eosTokenId = idOf('eos_token');
  if (eosTokenId === undefined)
    throw new ModelError(`${folder}/tokenizer_config.json: no eos_token that tokenizer.json knows`);
  let largestId = -1;
  for (const id of hub.get_vocab(true).values()) largestId = Math.max(largestId, id);
  const encode = (text: string): number[] => hub.encode(text, { add_special_tokens: false }).ids;
  return {
    vocabSize: largestId + 1,
    eosTokenId,
    padTokenId: idOf('pad_token') ?? eosTokenId,
    encode,
    decode: (tokens) =>
      // The library refuses an empty list.
      tokens.length === 0
        ? ''
        : hub.decode([...tokens], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    encodeChat: (messages) =>
      encode(template.render({ ...special, messages: [...messages], add_generation_prompt: true })),
  };
}

/** Reads the tokenizer of a model folder. */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const [tokenizerJson, tokenizerConfig] = await Promise.all([
    readJson(join(folder, 'tokenizer.json')),
    readJson(join(folder, 'tokenizer_config.json')),
  ]);
  return createTokenizer(tokenizerJson, tokenizerConfig, folder);
}
