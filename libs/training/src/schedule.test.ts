import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { scheduleFactor, type ScheduleKind } from './schedule.ts';

const factors = (kind: ScheduleKind, steps: number, warmupRatio: number): number[] =>
  Array.from({ length: steps }, (_, index) => scheduleFactor(kind, index + 1, steps, warmupRatio));

const expectClose = (actual: number[], expected: number[]): void => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, index) => expect(value).toBeCloseTo(expected[index] ?? NaN, 12));
};

describe('a learning-rate schedule', () => {
  it('has the values of its formula', () => {
    expectClose(factors('constant', 5, 0.4), [0.5, 1, 1, 1, 1]);
    expectClose(factors('linear', 6, 1 / 3), [0.5, 1, 1, 0.75, 0.5, 0.25]);
    const half = Math.SQRT1_2 / 2;
    expectClose(factors('cosine', 5, 0.2), [1, 1, 0.5 + half, 0.5, 0.5 - half]);
    expectClose(factors('warmup-stable-decay', 10, 0.2), [0.5, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]);
  });

  it('stays in [0, 1], rises through the warm-up to 1 and never rises after it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ScheduleKind>('cosine', 'linear', 'constant', 'warmup-stable-decay'),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 10 }),
        (kind, steps, warmupTwentieths) => {
          const ratio = warmupTwentieths / 20;
          const values = factors(kind, steps, ratio);
          const warmup = Math.ceil(steps * ratio);
          values.forEach((value, index) => {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1);
            if (index < warmup) expect(value).toBeCloseTo((index + 1) / warmup, 12);
            else if (index > warmup) expect(value).toBeLessThanOrEqual(values[index - 1] ?? NaN);
          });
        },
      ),
    );
  });
});
