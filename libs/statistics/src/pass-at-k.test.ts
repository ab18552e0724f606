import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageAtK, passAtK } from './pass-at-k.ts';

describe('passAtK', () => {
  it('is the share of all draws of k samples that hold a correct one', () => {
    const cases = fc
      .integer({ min: 1, max: 9 })
      .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.integer({ min: 1, max: n })));
    fc.assert(
      fc.property(cases, ([n, c, k]) => {
        let draws = 0;
        let hits = 0;
        for (let subset = 0; subset < 2 ** n; subset++) {
          const members = Array.from({ length: n }, (_, index) => index).filter(
            (index) => (subset >> index) & 1,
          );
          if (members.length !== k) continue;
          draws++;
          if (members.some((member) => member < c)) hits++;
        }
        expect(passAtK(n, c, k)).toBeCloseTo(hits / draws, 12);
        expect(averageAtK(n, c)).toBeCloseTo(passAtK(n, c, 1), 12);
      }),
    );
  });

  it('does not overflow', () => {
    expect(passAtK(100_000, 50, 1000)).toBeCloseTo(1 - 0.99 ** 50, 3);
  });

  it('names what is wrong', () => {
    expect(() => passAtK(4, 2, 8)).toThrow(/4 samples; expected an integer of at least 8/);
    expect(() => passAtK(8, 9, 8)).toThrow(/9 of 8 samples correct/);
    expect(() => passAtK(8, 2, 0)).toThrow(/k is 0/);
    expect(() => averageAtK(0, 0)).toThrow(RangeError);
  });
});
