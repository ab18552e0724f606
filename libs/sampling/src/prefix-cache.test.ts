import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREFIX_BLOCK, PrefixCache } from './prefix-cache.ts';
import { type Segment } from './slot-cache.ts';

const segment: Segment = { positions: PREFIX_BLOCK, rows: new Map() };

/** A prompt of whole blocks, each of one token repeated, and one token more. */
const prompt = (blocks: readonly number[]): number[] => [
  ...blocks.flatMap((token) => new Array<number>(PREFIX_BLOCK).fill(token)),
  0,
];

describe('PrefixCache', () => {
  it('knows the blocks of prompts that begin alike, never the last token, and each set of weights for itself', () => {
    const cache = new PrefixCache(10);
    const weights = {};
    const [a, b] = [cache.path(weights, prompt([1, 2])), cache.path(weights, prompt([1, 3]))];
    expect(a).toHaveLength(2);
    expect(b[0]).toBe(a[0]);
    expect(b[1]).not.toBe(a[1]);
    expect(cache.path({}, prompt([1]))[0]).not.toBe(a[0]);
    expect(cache.path(weights, prompt([1, 2]).slice(0, -1))).toEqual([a[0]]);
    expect(cache.path(weights, [1, 2, 3])).toEqual([]);
  });

  it('keeps the blocks used last, and never one without those before it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }), { maxLength: 30 }),
        fc.integer({ min: 0, max: 8 }),
        (prompts, limit) => {
          const cache = new PrefixCache(limit);
          const weights = {};
          for (const blocks of prompts) {
            const path = cache.path(weights, prompt(blocks));
            for (const block of path) block.segment = segment;
            cache.touch(path);
            expect(cache.size).toBeLessThanOrEqual(limit);
            // What is kept of this prompt is a beginning of it.
            const kept = path.map((block) => block.segment !== undefined);
            expect(kept).toEqual([...kept].sort((x, y) => Number(y) - Number(x)));
            expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(Math.min(limit, path.length));
          }
        },
      ),
    );
  });

  it('drops the blocks of weights that are not used any more, and no others', () => {
    const cache = new PrefixCache(10);
    const [kept, dropped] = [{}, {}];
    for (const weights of [kept, dropped]) {
      for (const blocks of [
        [1, 2],
        [1, 3, 4],
      ]) {
        const path = cache.path(weights, prompt(blocks));
        for (const block of path) block.segment ??= segment;
        cache.touch(path);
      }
    }
    expect(cache.size).toBe(8);
    cache.forget(dropped);
    expect(cache.size).toBe(4);
    expect(cache.path(kept, prompt([1, 3, 4])).map(({ segment: known }) => known)).toEqual([
      segment,
      segment,
      segment,
    ]);
    expect(cache.path(dropped, prompt([1]))[0]?.segment).toBeUndefined();
    cache.forget({});
  });
});
