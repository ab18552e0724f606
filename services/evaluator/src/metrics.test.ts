import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeMetrics, type ProblemTally } from './metrics.ts';

function tally(difficulty: string, correct: number, more: Partial<ProblemTally> = {}): ProblemTally {
  return { difficulty, samples: 4, correct, unanswered: 0, truncated: 0, tokens: 40, ...more };
}

describe('computeMetrics', () => {
  it('gives avg@k, pass@k, tokens, truncation and missing answers, over all and per difficulty', () => {
    const [all, easy, hard, ...others] = computeMetrics(
      [tally('easy', 4), tally('hard', 0, { unanswered: 2, truncated: 1, tokens: 80 }), tally('easy', 2)],
      7,
    );
    expect(others).toEqual([]);
    expect(all).toMatchObject({ difficulty: '', problems: 3, samples: 4, avg: 0.5, meanTokens: 160 / 12 });
    expect(all?.pass).toBeCloseTo(2 / 3, 12);
    expect(all?.unanswered).toBeCloseTo(2 / 12, 12);
    expect(all?.truncated).toBeCloseTo(1 / 12, 12);
    expect(easy).toMatchObject({ difficulty: 'easy', problems: 2, avg: 0.75, pass: 1, unanswered: 0 });
    expect(hard).toMatchObject({
      difficulty: 'hard',
      problems: 1,
      avg: 0,
      pass: 0,
      avgLower: 0,
      avgUpper: 0,
    });
  });

  it('has intervals of the width that the spread over problems gives', () => {
    // 100 problems, half of them always right: the standard error of the mean is 0.05.
    const tallies = Array.from({ length: 100 }, (_, i) => tally('', i % 2 === 0 ? 4 : 0));
    const [all, ...others] = computeMetrics(tallies, 1);
    expect(others).toEqual([]);
    expect(all?.avgLower).toBeCloseTo(0.5 - 1.96 * 0.05, 1);
    expect(all?.avgUpper).toBeCloseTo(0.5 + 1.96 * 0.05, 1);
    expect(computeMetrics(tallies, 1)).toEqual(computeMetrics(tallies, 1));
  });

  it('keeps avg within its interval and at most pass', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2 }), fc.nat(), (corrects, seed) => {
        for (const metrics of computeMetrics(
          corrects.map((correct) => tally('x', correct)),
          seed,
        )) {
          expect(metrics.avgLower).toBeLessThanOrEqual(metrics.avg);
          expect(metrics.avgUpper).toBeGreaterThanOrEqual(metrics.avg);
          expect(metrics.pass).toBeGreaterThanOrEqual(metrics.avg);
        }
      }),
      { numRuns: 30 },
    );
  });
});
