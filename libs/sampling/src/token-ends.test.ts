import { describe, expect, it } from 'vitest';
import { tokenEnds } from './token-ends.ts';

/** Tokens are bytes; the one above them ends the text and is not written. */
const decode = (tokens: readonly number[]): string =>
  new TextDecoder().decode(Uint8Array.from(tokens.filter((token) => token < 256)));

describe('the ends of tokens', () => {
  it('are counted in characters, of which one may be many tokens, and end tokens have none', () => {
    const tokens = [...new TextEncoder().encode('a√é😀b'), 256];
    expect(tokenEnds(tokens, decode)).toEqual([1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 5, 5]);
    expect(tokenEnds([], decode)).toEqual([]);
  });

  it('do not depend on how a decoder writes the beginning of a text', () => {
    const words = [' one', ' two', ' three'];
    const trimmed = (tokens: readonly number[]): string =>
      tokens
        .map((token) => words[token] ?? '')
        .join('')
        .trimStart();
    expect(tokenEnds([0, 1, 2], trimmed)).toEqual([3, 7, 13]);
  });
});
