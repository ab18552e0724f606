import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREFIX_BLOCK, type PrefixBlock, PrefixCache } from './prefix-cache.ts';
import { type Segment } from './slot-cache.ts';

const segment: Segment = { positions: PREFIX_BLOCK, rows: new Map() };

/** A prompt of whole blocks, each of one token repeated, and one token more. */
const prompt = (blocks: readonly number[]): number[] => [
  ...blocks.flatMap((token) => new Array<number>(PREFIX_BLOCK).fill(token)),
  0,
];

/** A prompt, computed as far as it was not known. */
function compute(cache: PrefixCache, weights: object, blocks: readonly number[]): PrefixBlock[] {
  const [path = []] = cache.paths(weights, [prompt(blocks)]);
  for (const block of path) {
    if (block.segment !== undefined) continue;
    block.segment = segment;
    cache.keep(block);
  }
  cache.touch(path);
  return path;
}

describe('PrefixCache', () => {
  it('knows the blocks of prompts that begin alike, never the last token, and each set of weights for itself', () => {
    const cache = new PrefixCache(10);
    const weights = {};
    const [a = [], b = []] = cache.paths(weights, [prompt([1, 2]), prompt([1, 3])]);
    expect(a).toHaveLength(2);
    expect(b[0]).toBe(a[0]);
    expect(b[1]).not.toBe(a[1]);
    const known = compute(cache, weights, [1, 2]);
    expect(cache.paths(weights, [prompt([1, 2]).slice(0, -1), [1, 2, 3]])).toEqual([[known[0]], []]);
    expect(cache.paths(weights, [prompt([1, 4])])[0]?.[0]).toBe(known[0]);
    expect(cache.paths({}, [prompt([1])])[0]?.[0]?.segment).toBeUndefined();
  });

  it('remembers nothing of a prompt whose computation was broken off but the blocks that it counts', () => {
    const cache = new PrefixCache(10);
    const weights = {};
    const [path = []] = cache.paths(weights, [prompt([1, 2, 3])]);
    const [first] = path;
    if (!first) throw new Error('no block');
    first.segment = segment;
    cache.keep(first);
    expect(cache.size).toBe(1);
    const [again = []] = cache.paths(weights, [prompt([1, 2, 3])]);
    expect(again[0]).toBe(first);
    expect(again[1]).not.toBe(path[1]);
    // Whoever computes the same block later finds that it is there, and a block whose beginning was dropped is nobody's.
    const [other = []] = new PrefixCache(0).paths(weights, [prompt([1, 2])]);
    for (const block of [...again.slice(1), ...path.slice(1), ...other]) {
      block.segment = segment;
      cache.keep(block);
    }
    expect(cache.paths(weights, [prompt([1, 2, 3])])[0]).toEqual(again);
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
            compute(cache, weights, blocks);
            const [path = []] = cache.paths(weights, [prompt(blocks)]);
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
        compute(cache, weights, blocks);
      }
    }
    expect(cache.size).toBe(8);
    cache.forget(dropped);
    expect(cache.size).toBe(4);
    const [known = []] = cache.paths(kept, [prompt([1, 3, 4])]);
    expect(known.map((block) => block.segment)).toEqual([segment, segment, segment]);
    expect(cache.paths(dropped, [prompt([1])])[0]?.[0]?.segment).toBeUndefined();
    cache.forget({});
  });
});
