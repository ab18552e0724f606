import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconcile, reverseVerdict } from './reconcile.ts';

const probability = fc.double({ min: 0, max: 1, noNaN: true });

describe('reconcile', () => {
  it('recovers the side that a judge with a constant favour for a place would take without it', () => {
    const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
    const logit = fc.double({ min: -5, max: 5, noNaN: true }).filter((value) => Math.abs(value) > 1e-3);
    fc.assert(
      fc.property(logit, fc.double({ min: -5, max: 5, noNaN: true }), (quality, favour) => {
        const { preference = 0.5, positionBias = 0 } = reconcile({
          i: 0,
          j: 1,
          forward: sigmoid(quality + favour),
          backward: sigmoid(quality - favour),
        });
        expect(Math.sign(preference - 0.5)).toBe(Math.sign(quality));
        if (Math.abs(favour) > 1e-3) expect(Math.sign(positionBias)).toBe(Math.sign(favour));
      }),
    );
  });

  it('uses one readable order alone, and makes nothing up when none is', () => {
    expect(reconcile({ i: 0, j: 1, backward: 0.3 })).toEqual({
      preference: 0.3,
      readable: 1,
      consistent: undefined,
      positionBias: undefined,
    });
    expect(reconcile({ i: 0, j: 1 })).toMatchObject({ preference: undefined, readable: 0 });
    expect(reconcile({ i: 0, j: 1, forward: 0 })).toMatchObject({ preference: 0, readable: 1 });
  });

  it('sees whether the orders agree', () => {
    expect(reconcile({ i: 0, j: 1, forward: 0.9, backward: 0.6 }).consistent).toBe(true);
    expect(reconcile({ i: 0, j: 1, forward: 0.9, backward: 0.4 })).toMatchObject({
      consistent: false,
      positionBias: 0.25,
    });
  });

  it('reversed is the opposite preference', () => {
    fc.assert(
      fc.property(probability, probability, (forward, backward) => {
        const verdict = { i: 0, j: 1, forward, backward };
        const { preference = Number.NaN } = reconcile(verdict);
        expect(reconcile(reverseVerdict(verdict)).preference).toBeCloseTo(1 - preference, 12);
      }),
    );
  });
});
