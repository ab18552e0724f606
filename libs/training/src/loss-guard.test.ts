import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LossGuard } from './loss-guard.ts';

describe('the guard of the loss', () => {
  it('stops at what is no number, of the loss or of the gradient', () => {
    const guard = new LossGuard(100, []);
    expect(guard.check(NaN, 1)).toMatch(/the loss is NaN/);
    expect(guard.check(1, Infinity)).toMatch(/gradient norm Infinity/);
    expect(guard.check(1, 1)).toBeUndefined();
  });

  it('stops at a loss far above those before it, also when they were those of an interrupted run', () => {
    const guard = new LossGuard(10, []);
    for (const loss of [900, 3, 4, 2, 5, 3]) expect(guard.check(loss, 1)).toBeUndefined();
    expect(guard.check(41, 1)).toMatch(
      /the loss is 41.00, more than 10 times the median of the last 6 \(4.000\)/,
    );
    const continued = new LossGuard(10, guard.recent);
    expect(continued.check(41, 1)).toBeDefined();
    expect(continued.check(39, 1)).toBeUndefined();
  });

  it('lets every loss within the ratio pass, of either sign, and any that falls', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { maxLength: 60 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (losses, fall) => {
          const guard = new LossGuard(50, []);
          for (const loss of losses) expect(guard.check(loss, 0)).toBeUndefined();
          expect(guard.check(-fall, 0)).toBeUndefined();
        },
      ),
    );
  });
});
