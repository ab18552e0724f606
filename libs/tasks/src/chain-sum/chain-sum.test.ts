import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verify } from '../verify.ts';
import { formatChain, parseChain, runningTotals } from './chain.ts';
import { chainSum, chainSumProblem } from './chain-sum.ts';

const EASY = { seed: 1, count: 50, minTerms: 2, maxTerms: 4, maxValue: [9, 20] };

describe('chainSum', () => {
  it('draws distinct questions within the limits, with their answers', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 3, max: 8 }), fc.boolean(), (seed, maxTerms, nonNegative) => {
        const problems = chainSum({ seed, count: 30, minTerms: 3, maxTerms, maxValue: 20, nonNegative });
        expect(new Set(problems.map(({ question }) => question)).size).toBe(30);
        for (const problem of problems) {
          const chain = parseChain(problem.question) ?? [];
          expect(chain.length).toBeGreaterThanOrEqual(3);
          expect(chain.length).toBeLessThanOrEqual(maxTerms);
          expect(chain.every((term) => Math.abs(term) >= 1 && Math.abs(term) <= 20)).toBe(true);
          expect(verify(problem, `\\boxed{${chain.reduce((a, b) => a + b)}}`).correct).toBe(true);
          if (nonNegative) expect(Math.min(...runningTotals(chain))).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('depends on the seed alone, and a longer draw begins with the shorter', () => {
    expect(chainSum(EASY)).toEqual(chainSum(EASY));
    expect(chainSum({ ...EASY, count: 80 }).slice(0, 50)).toEqual(chainSum(EASY));
    expect(chainSum({ ...EASY, seed: 2 })).not.toEqual(chainSum(EASY));
  });

  it('gives the same question the same id, so that splits can be kept apart', () => {
    expect(chainSumProblem([12, 5, -3], 20)).toEqual({
      id: 'chain-sum/12+5-3',
      question: '12 + 5 - 3',
      answer: '14',
      difficulty: 'terms=3,max=20',
    });
    const train = new Set(chainSum(EASY).map(({ id }) => id));
    expect(chainSum({ ...EASY, exclude: train }).some(({ id }) => train.has(id))).toBe(false);
  });

  it('uses both operators and every number of terms', () => {
    const text = chainSum(EASY)
      .map(({ question }) => question)
      .join('\n');
    expect(text).toContain(' + ');
    expect(text).toContain(' - ');
    expect(new Set(chainSum(EASY).map(({ difficulty }) => difficulty)).size).toBe(6);
  });

  it('says so when there are not enough questions', () => {
    expect(() => chainSum({ seed: 1, count: 1000, minTerms: 2, maxTerms: 2, maxValue: 3 })).toThrow(
      /found only 18 distinct questions of 1000/,
    );
    expect(() => chainSum({ ...EASY, count: 0 })).toThrow('count: expected an integer of at least 1, got 0');
    expect(() => chainSum({ ...EASY, maxValue: [] })).toThrow('maxValue');
  });
});

describe('parseChain', () => {
  it('reads back what formatChain wrote', () => {
    const term = fc.integer({ min: 1, max: 999999 });
    const signed = fc.oneof(
      term,
      term.map((value) => -value),
    );
    fc.assert(
      fc.property(term, fc.array(signed, { minLength: 1 }), (first, rest) => {
        expect(parseChain(formatChain([first, ...rest]))).toEqual([first, ...rest]);
      }),
    );
  });

  it.each(['12', '', '12 + ', '12 * 3', 'What is 12 + 3?'])('reads no chain in %j', (question) => {
    expect(parseChain(question)).toBeUndefined();
  });
});
