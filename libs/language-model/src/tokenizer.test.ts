import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createTokenizer, readTokenizer } from './tokenizer.ts';

const miniature = fileURLToPath(new URL('../../miniature/model', import.meta.url));
const json = async (file: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(miniature, file), 'utf8')) as Record<string, unknown>;

describe('a tokenizer', () => {
  it('renders a conversation up to where the assistant answers', async () => {
    const tokenizer = await readTokenizer(miniature);
    const user = { role: 'user', content: '12 + 5 - 3' };
    // <|user|> 1 2 " + " 5 " - " 3 <|assistant|>, by the ids of tokenizer.json.
    expect(tokenizer.encodeChat([user])).toEqual([2, 6, 7, 15, 10, 16, 8, 3]);
    expect(tokenizer.encodeChat([user, { role: 'assistant', content: '\\boxed{14}' }, user])).toEqual([
      ...tokenizer.encodeChat([user]),
      ...tokenizer.encode('\\boxed{14}'),
      tokenizer.eosTokenId,
      ...tokenizer.encodeChat([user]),
    ]);
    expect(() => tokenizer.encodeChat([{ role: 'system', content: 'Be brief.' }])).toThrow(/not system/);
  });

  it('adds no special tokens when encoding, and leaves them out when decoding', async () => {
    const tokenizer = await readTokenizer(miniature);
    expect(tokenizer.encode('')).toEqual([]);
    expect(
      tokenizer.decode([tokenizer.padTokenId, ...tokenizer.encode('7 - 7 = 0'), tokenizer.eosTokenId]),
    ).toBe('7 - 7 = 0');
  });

  it('pads with the end token when there is no pad token', async () => {
    const config = await json('tokenizer_config.json');
    const tokenizer = createTokenizer(await json('tokenizer.json'), { ...config, pad_token: null });
    expect(tokenizer.padTokenId).toBe(tokenizer.eosTokenId);
  });

  it('takes a vocabulary as large as Qwen3’s', async () => {
    const source = await json('tokenizer.json');
    const vocab = Object.fromEntries(Array.from({ length: 151_669 }, (_, id) => [`token ${id}`, id]));
    const large = {
      ...source,
      added_tokens: [],
      model: { type: 'WordLevel', vocab, unk_token: 'token 0' },
    };
    const config = { chat_template: '{{ messages[0].content }}', eos_token: 'token 7' };
    const tokenizer = createTokenizer(large, config);
    expect([tokenizer.vocabSize, tokenizer.eosTokenId]).toEqual([151_669, 7]);
  });
});
