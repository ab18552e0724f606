import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { scheduleFactor, type ScheduleKind } from './schedule.ts';

// Golden numbers: get_linear_, get_cosine_ and get_constant_schedule_with_warmup of transformers 5.23.0, at a peak rate of 1.
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

  it('is that of transformers after the warm-up, and one step ahead of it in the warm-up, whose first step there has rate 0', () => {
    const golden = {
      linear: [
        [13, 4, [0, 0.25, 0.5, 0.75, 1, 8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9]],
        [7, 0, [1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]],
      ],
      cosine: [
        [
          10,
          2,
          [
            0, 0.5, 1, 0.9619397662556434, 0.8535533905932737, 0.6913417161825449, 0.5, 0.30865828381745514,
            0.14644660940672627, 0.03806023374435663,
          ],
        ],
        [
          7,
          0,
          [
            1, 0.9504844339512095, 0.8117449009293668, 0.6112604669781572, 0.38873953302184283,
            0.18825509907063326, 0.04951556604879048,
          ],
        ],
      ],
      constant: [[10, 2, [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1]]],
    } as const;
    for (const kind of ['linear', 'cosine', 'constant'] as const) {
      for (const [steps, warmup, expected] of golden[kind]) {
        const ours = factors(kind, steps, warmup / steps);
        expectClose(ours.slice(warmup), expected.slice(warmup));
        expectClose(ours.slice(0, warmup), expected.slice(1, warmup + 1));
      }
    }
  });
});
