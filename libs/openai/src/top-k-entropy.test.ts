import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entropyInterval } from './top-k-entropy.ts';

/** A distribution as logits: flat, peaked, or with a few giants, over a vocabulary of any size. */
const distribution = fc
  .record({
    logits: fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 2, maxLength: 400 }),
    sharpness: fc.double({ min: 0, max: 4, noNaN: true }),
  })
  .map(({ logits, sharpness }) => {
    const scaled = logits.map((logit) => logit * sharpness);
    const peak = Math.max(...scaled);
    const normaliser = peak + Math.log(scaled.reduce((sum, logit) => sum + Math.exp(logit - peak), 0));
    return scaled.map((logit) => logit - normaliser).sort((a, b) => b - a);
  });

const exact = (logprobs: readonly number[]): number =>
  -logprobs.reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0);

function intervalOfTop(all: readonly number[], k: number) {
  const logprobs = all.slice(0, k);
  return entropyInterval({ logprobs, ceiling: logprobs.at(-1) ?? 0, vocabularySize: all.length });
}

describe('the entropy from the most probable tokens', () => {
  it('holds the exact entropy of any distribution, for any K', () => {
    fc.assert(
      fc.property(distribution, fc.nat(), (all, seed) => {
        const k = 1 + (seed % all.length);
        const { lower, upper } = intervalOfTop(all, k);
        expect(exact(all)).toBeGreaterThanOrEqual(lower - 1e-9);
        expect(exact(all)).toBeLessThanOrEqual(upper + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('holds it where a less probable token is known besides the top', () => {
    fc.assert(
      fc.property(distribution, fc.nat(), fc.nat(), (all, a, b) => {
        const k = 1 + (a % all.length);
        const sampled = k + (b % all.length);
        const more = all[sampled];
        const logprobs = [...all.slice(0, k), ...(more === undefined ? [] : [more])];
        const ceiling = all[k - 1] ?? 0;
        const { lower, upper } = entropyInterval({ logprobs, ceiling, vocabularySize: all.length });
        expect(exact(all)).toBeGreaterThanOrEqual(lower - 1e-9);
        expect(exact(all)).toBeLessThanOrEqual(upper + 1e-9);
      }),
    );
  });

  it('narrows as K grows, to the exact entropy at the whole vocabulary', () => {
    fc.assert(
      fc.property(distribution, (all) => {
        const widths = all.map((_, index) => {
          const { lower, upper } = intervalOfTop(all, index + 1);
          return upper - lower;
        });
        widths.reduce((before, width) => {
          expect(width).toBeLessThanOrEqual(before + 1e-4);
          return width;
        });
        expect(widths.at(-1)).toBeLessThan(1e-3);
      }),
      { numRuns: 50 },
    );
  });

  it('is tight: the two ways to share what is left are reached', () => {
    // Half of the mass on one token, the rest on as few of a thousand others as can be, and on all of them alike.
    const half = Math.log(0.5);
    const { lower, upper } = entropyInterval({ logprobs: [half], ceiling: half, vocabularySize: 1001 });
    expect(lower).toBeCloseTo(Math.log(2), 3);
    expect(upper).toBeCloseTo(Math.log(2) + 0.5 * Math.log(1000), 3);
  });

  it('stays an interval where probabilities add up to more than 1', () => {
    const { lower, upper } = entropyInterval({
      logprobs: [Math.log(0.9), Math.log(0.1001)],
      ceiling: Math.log(0.1001),
      vocabularySize: 50_000,
    });
    expect(lower).toBeGreaterThan(0.3);
    expect(upper).toBeGreaterThan(lower);
    expect(upper).toBeLessThan(0.36);
  });
});
