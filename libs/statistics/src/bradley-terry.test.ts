import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from './bradley-terry.fixture.ts';
import { bradleyTerry, bradleyTerryPosterior, type Comparison } from './bradley-terry.ts';

const soft: Comparison[] = [
  { i: 0, j: 1, preference: 0.9 },
  { i: 0, j: 2, preference: 0.75 },
  { i: 0, j: 3, preference: 0.97 },
  { i: 1, j: 2, preference: 0.4 },
  { i: 1, j: 3, preference: 0.55 },
  { i: 2, j: 3, preference: 0.8 },
];

function expectClose(actual: ArrayLike<number>, expected: number[], digits: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, index) => expect(actual[index]).toBeCloseTo(value, digits));
}

describe('bradleyTerry', () => {
  it('equals choix.opt_pairwise on hard verdicts', () => {
    const wins = [
      [0, 1],
      [0, 1],
      [1, 0],
      [0, 2],
      [2, 3],
      [2, 3],
      [3, 1],
      [1, 3],
      [0, 3],
      [2, 1],
    ] as const;
    // choix's alpha of 0.5 multiplies the sum of squares, as 1 / (2τ²) does here with τ = 1.
    const { strengths } = bradleyTerry(
      4,
      wins.map(([i, j]) => ({ i, j, preference: 1 })),
      { priorDeviation: 1 },
    );
    expectClose(strengths, [0.5617522959, -0.3357602508, 0.3964402834, -0.6224323285], 6);
  });

  it.each(references)(
    'equals choix and SciPy to 1e-6: $items items, deviation $priorDeviation, case %#',
    (reference) => {
      const { items, priorDeviation, verdicts, strengths, standardErrors } = reference;
      const comparisons = verdicts.map(([i, j, preference]) => ({ i, j, preference }));
      const fit = bradleyTerry(items, comparisons, { priorDeviation });
      strengths.forEach((value, item) =>
        expect(Math.abs((fit.strengths[item] ?? NaN) - value)).toBeLessThan(1e-6),
      );
      expectClose(fit.standardErrors, standardErrors, 7);
      const { covariance } = bradleyTerryPosterior(items, comparisons, { priorDeviation });
      standardErrors.forEach((error, item) =>
        expect(covariance[item * items + item]).toBeCloseTo(error * error, 7),
      );
    },
  );

  it('knows how strengths vary together: what one pair says moves the two apart', () => {
    const { covariance } = bradleyTerryPosterior(3, [{ i: 0, j: 1, preference: 0.5, weight: 1 }]);
    // Precision 1 each, and 1/4 for their difference: [[5/6, 1/6], [1/6, 5/6]].
    expectClose(covariance, [5 / 6, 1 / 6, 0, 1 / 6, 5 / 6, 0, 0, 0, 1], 12);
  });

  it('equals SciPy’s root and inverse Hessian on soft verdicts', () => {
    const tight = bradleyTerry(4, soft);
    expectClose(tight.strengths, [0.5757747646, -0.2303469825, 0.0752605677, -0.4206883498], 9);
    expectClose(tight.standardErrors, [0.8082342701, 0.7978658761, 0.7963086835, 0.8022370047], 9);
    const wide = bradleyTerry(4, soft, { priorDeviation: 3 });
    expectClose(wide.strengths, [1.2217546585, -0.4797207391, 0.1353649437, -0.8773988631], 9);
    expectClose(wide.standardErrors, [1.8402871327, 1.7572050488, 1.7493880601, 1.7846461646], 9);
  });

  const comparisons = fc.array(
    fc
      .record({
        i: fc.integer({ min: 0, max: 5 }),
        j: fc.integer({ min: 0, max: 5 }),
        preference: fc.double({ min: 0, max: 1, noNaN: true }),
        weight: fc.double({ min: 0.1, max: 50, noNaN: true }),
      })
      .filter(({ i, j }) => i !== j),
    { maxLength: 40 },
  );

  it('sums to zero, does not care which side a pair is told from, and mirrors reversed verdicts', () => {
    fc.assert(
      fc.property(comparisons, fc.double({ min: 0.1, max: 10, noNaN: true }), (verdicts, priorDeviation) => {
        const { strengths, standardErrors } = bradleyTerry(6, verdicts, { priorDeviation });
        expect(strengths.reduce((sum, strength) => sum + strength, 0)).toBeCloseTo(0, 7);
        for (const error of standardErrors) {
          expect(error).toBeGreaterThan(0);
          expect(error).toBeLessThanOrEqual(priorDeviation * (1 + 1e-9));
        }
        const told = verdicts.map(({ i, j, preference, weight }) => ({
          i: j,
          j: i,
          preference: 1 - preference,
          weight,
        }));
        expectClose(bradleyTerry(6, told, { priorDeviation }).strengths, [...strengths], 7);
        const reversed = verdicts.map((verdict) => ({ ...verdict, preference: 1 - verdict.preference }));
        expectClose(
          bradleyTerry(6, reversed, { priorDeviation }).strengths,
          [...strengths].map((s) => -s),
          7,
        );
      }),
    );
  });

  it('keeps an undefeated item finite, and one without verdicts at the prior', () => {
    const { strengths, standardErrors } = bradleyTerry(3, [{ i: 0, j: 1, preference: 1, weight: 1000 }], {
      priorDeviation: 2,
    });
    expect(Number.isFinite(strengths[0])).toBe(true);
    expect(strengths[0]).toBeGreaterThan(2);
    expect(strengths[2]).toBeCloseTo(0, 10);
    expect(standardErrors[2]).toBeCloseTo(2, 10);
  });

  it('recovers strengths from many verdicts', () => {
    const truth = [1.5, 0.5, -0.5, -1.5];
    const verdicts = truth.flatMap((a, i) =>
      truth
        .slice(i + 1)
        .map((b, offset) => ({ i, j: i + 1 + offset, preference: 1 / (1 + Math.exp(b - a)), weight: 1e4 })),
    );
    expectClose(bradleyTerry(4, verdicts).strengths, truth, 2);
  });

  it('names what is wrong', () => {
    expect(() => bradleyTerry(2, [{ i: 0, j: 2, preference: 1 }])).toThrow(/items 0 and 2/);
    expect(() => bradleyTerry(2, [{ i: 0, j: 1, preference: 1.5 }])).toThrow(/preference 1.5/);
    expect(() => bradleyTerry(2, [{ i: 0, j: 1, preference: 1, weight: 0 }])).toThrow(/weight 0/);
    expect(() => bradleyTerry(2, [], { priorDeviation: 0 })).toThrow(/priorDeviation is 0/);
  });
});
