import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cohenKappa, cohenKappaOfTable } from './cohen-kappa.ts';
import { pearson, spearman } from './correlation.ts';
import { kendallTauB } from './kendall-tau.ts';
import { mean, variance } from './moments.ts';
import { quantile } from './quantile.ts';
import { ranks } from './ranks.ts';

// Golden numbers: scikit-learn (kappa), SciPy and NumPy (the rest).
const x = [1, 2, 2, 3, 5, 4, 4, 4, 7, 0.5];
const y = [2, 1, 2, 4, 4, 4, 6, 3, 9, 9];

describe('cohenKappa', () => {
  it('equals scikit-learn', () => {
    const first = ['x', 'y', 'x', 'z', 'z', 'x', 'y', 'y', 'x', 'z', 'x', 'y'];
    const second = ['x', 'y', 'z', 'z', 'x', 'x', 'y', 'x', 'x', 'z', 'y', 'y'];
    expect(cohenKappa(first, second)).toBeCloseTo(0.4893617021276596, 14);
    expect(cohenKappa([1, 0, 1, 1, 0, 0, 1, 0], [1, 1, 0, 1, 0, 0, 1, 1])).toBe(0.25);
    expect(cohenKappaOfTable([2, 2, 1, 3], 2)).toBe(0.25);
  });

  it('is 1 for equal labels, symmetric, never above 1, and undefined when only one label is used', () => {
    const labels = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('a', 'b', 'c')), {
      minLength: 1,
    });
    fc.assert(
      fc.property(labels, (pairs) => {
        const first = pairs.map(([label]) => label);
        const second = pairs.map(([, label]) => label);
        const kappa = cohenKappa(first, second);
        expect(cohenKappa(first, first)).toBe(new Set(first).size > 1 ? 1 : undefined);
        if (kappa === undefined) expect(new Set([...first, ...second]).size).toBe(1);
        else {
          expect(kappa).toBeLessThanOrEqual(1);
          expect(cohenKappa(second, first)).toBeCloseTo(kappa, 12);
        }
      }),
    );
    expect(cohenKappa([], [])).toBeUndefined();
    expect(() => cohenKappa([1], [1, 2])).toThrow(RangeError);
  });
});

describe('rank correlations', () => {
  it('equal SciPy', () => {
    expect(kendallTauB(x, y)).toBeCloseTo(0.34570535882735637, 14);
    expect(spearman(x, y)).toBeCloseTo(0.36677296200834836, 14);
    expect(pearson(x, y)).toBeCloseTo(0.33419713588205535, 14);
    expect([...ranks(x)]).toEqual([2, 3.5, 3.5, 5, 9, 7, 7, 7, 10, 1]);
  });

  it('are 1 under increasing maps, change sign when one side is reversed, undefined for a constant', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 12 }), (values) => {
        const cubes = values.map((value) => value ** 3);
        const varied = new Set(values).size > 1;
        for (const correlation of [kendallTauB, spearman]) {
          const same = correlation(values, cubes);
          const reversed = correlation(
            values,
            cubes.map((value) => -value),
          );
          if (varied) {
            expect(same).toBeCloseTo(1, 12);
            expect(reversed).toBeCloseTo(-1, 12);
          } else expect(same).toBeUndefined();
        }
      }),
    );
    expect(() => kendallTauB([1, 2], [1])).toThrow(RangeError);
  });
});

describe('moments and quantiles', () => {
  it('equal NumPy', () => {
    expect(mean(x)).toBe(3.25);
    expect(variance(x)).toBeCloseTo(3.8472222222222223, 14);
    const sorted = Float64Array.from(x).sort();
    [0.6125, 2, 6.55].forEach((value, index) =>
      expect(quantile(sorted, [0.025, 0.3, 0.975][index] ?? 0)).toBeCloseTo(value, 14),
    );
  });

  it('refuse what they are not defined for', () => {
    expect(() => mean([])).toThrow(RangeError);
    expect(() => variance([1])).toThrow(RangeError);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => quantile([1], 1.5)).toThrow(RangeError);
  });
});
