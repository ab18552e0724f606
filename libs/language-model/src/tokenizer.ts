// A model's tokenizer, and the tokens that end its texts.
import { join } from 'node:path';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { chatTemplate, tokenText, type Message } from './chat-template.ts';
import { isJsonObject, type JsonObject, readJson } from './config-values.ts';
import { withGguf } from './gguf/model.ts';
import { ggufOf, readOptionalJson, readOptionalText } from './model-files.ts';
import { ModelError } from './model-error.ts';
import { adaptTokenizer } from './tokenizer-json.ts';

export { type Message } from './chat-template.ts';

/** Text to tokens and back. */
export interface Tokenizer {
  /** Tokens, the added ones included. */
  readonly vocabSize: number;
  /** The token that ends a turn. */
  readonly eosTokenId: number;
  /** Every token that ends a text, `eosTokenId` first: of the tokenizer, generation_config.json and config.json. */
  readonly stopTokenIds: readonly number[];
  /** Fills rows that are shorter than others. */
  readonly padTokenId: number;
  /** Tokens of a text, without special tokens around it. */
  encode(text: string): number[];
  /** Text of tokens; special tokens are left out. */
  decode(tokens: readonly number[]): string;
  /** Tokens of a conversation up to where the assistant's answer begins; a beginning token only where the template has one. */
  encodeChat(messages: readonly Message[]): number[];
}

/** What other files of a model say about its tokens. */
export interface TokenizerFiles {
  /** The content of `chat_template.jinja`. */
  readonly chatTemplate?: string;
  /** The content of `generation_config.json`. */
  readonly generationConfig?: unknown;
  /** The content of `config.json`. */
  readonly config?: unknown;
}

function tokenIds(config: unknown, key: string): number[] {
  const value = isJsonObject(config) ? config[key] : undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
}

function openTokenizer(tokenizerJson: JsonObject, tokenizerConfig: JsonObject, folder: string): HubTokenizer {
  try {
    return new HubTokenizer(adaptTokenizer(tokenizerJson), tokenizerConfig);
  } catch (cause) {
    throw new ModelError(
      `${folder}/tokenizer.json: cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** Makes a tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`. `folder` is named in errors. */
export function createTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
  folder = 'the tokenizer',
  files: TokenizerFiles = {},
): Tokenizer {
  if (!isJsonObject(tokenizerJson)) throw new ModelError(`${folder}/tokenizer.json: expected a JSON object`);
  if (!isJsonObject(tokenizerConfig))
    throw new ModelError(`${folder}/tokenizer_config.json: expected a JSON object`);
  const hub = openTokenizer(tokenizerJson, tokenizerConfig, folder);
  const render = chatTemplate(tokenizerConfig, files.chatTemplate, folder);
  const idOf = (key: string): number | undefined => {
    const text = tokenText(tokenizerConfig[key]);
    return text === undefined ? undefined : hub.token_to_id(text);
  };
  const own = idOf('eos_token');
  const stops = new Set([
    ...(own === undefined ? [] : [own]),
    ...tokenIds(files.generationConfig, 'eos_token_id'),
    ...tokenIds(files.config, 'eos_token_id'),
  ]);
  const [eosTokenId] = stops;
  if (eosTokenId === undefined)
    throw new ModelError(`${folder}/tokenizer_config.json: no eos_token that tokenizer.json knows`);
  let largestId = -1;
  for (const id of hub.get_vocab(true).values()) largestId = Math.max(largestId, id);
  const encode = (text: string): number[] => hub.encode(text, { add_special_tokens: false }).ids;
  return {
    vocabSize: largestId + 1,
    eosTokenId,
    stopTokenIds: [...stops],
    padTokenId: idOf('pad_token') ?? eosTokenId,
    encode,
    decode: (tokens) =>
      // The library refuses an empty list.
      tokens.length === 0
        ? ''
        : hub.decode([...tokens], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    encodeChat: (messages) => encode(render(messages)),
  };
}

/** Reads the tokenizer of a model folder or GGUF file. */
export async function readTokenizer(model: string): Promise<Tokenizer> {
  const gguf = await ggufOf(model);
  if (gguf !== undefined) {
    return withGguf(gguf, (file) => {
      const { tokenizer, tokenizerConfig } = file.tokenizer();
      return createTokenizer(tokenizer, tokenizerConfig, gguf, { config: file.config });
    });
  }
  const [tokenizerJson, tokenizerConfig, generationConfig, config, template] = await Promise.all([
    readJson(join(model, 'tokenizer.json')),
    readJson(join(model, 'tokenizer_config.json')),
    readOptionalJson(join(model, 'generation_config.json')),
    readOptionalJson(join(model, 'config.json')),
    readOptionalText(join(model, 'chat_template.jinja')),
  ]);
  return createTokenizer(tokenizerJson, tokenizerConfig, model, {
    generationConfig,
    config,
    chatTemplate: template,
  });
}
