import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapMean, clusterBootstrap } from './cluster-bootstrap.ts';
import { pairedPermutationTest } from './paired-permutation-test.ts';
import { normalDeviate, seededRandom } from './random.ts';

describe('clusterBootstrap', () => {
  const questions = [
    0.5, 0.75, 1, 0.25, 0, 0.875, 0.625, 0.5, 0.125, 1, 0.375, 0.75, 0.5, 0.625, 0.25, 0.875, 1, 0, 0.5,
    0.625,
  ];

  it('gives SciPy’s percentile interval of a mean', () => {
    const { value, lower, upper } = bootstrapMean(questions, { seed: 1, resamples: 20_000 });
    expect(value).toBe(0.55625);
    // The means lie on a grid of 1 / 160.
    expect(Math.abs(lower - 0.41875)).toBeLessThanOrEqual(1 / 160 + 1e-9);
    expect(Math.abs(upper - 0.6875)).toBeLessThanOrEqual(1 / 160 + 1e-9);
  });

  it('repeats itself for a seed, and holds the estimate', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 }),
        fc.integer(),
        (values, seed) => {
          const interval = bootstrapMean(values, { seed, resamples: 200 });
          expect(bootstrapMean(values, { seed, resamples: 200 })).toEqual(interval);
          expect(interval.lower).toBeGreaterThanOrEqual(Math.min(...values) - 1e-12);
          expect(interval.upper).toBeLessThanOrEqual(Math.max(...values) + 1e-12);
          expect(interval.lower).toBeLessThanOrEqual(interval.upper);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is wider when samples of a question are alike than if they were independent', () => {
    const alike = questions.map((value) => [Math.round(value) * 8, 8]);
    const independent = questions.flatMap((value) => Array.from({ length: 8 }, () => [Math.round(value), 1]));
    const ratio = ([sum = 0, count = 0]: Float64Array): number => sum / count;
    const wide = clusterBootstrap(alike, ratio, { seed: 3 });
    const narrow = clusterBootstrap(independent, ratio, { seed: 3 });
    expect(wide?.value).toBe(narrow?.value);
    expect((wide?.upper ?? 0) - (wide?.lower ?? 0)).toBeGreaterThan(
      2 * ((narrow?.upper ?? 0) - (narrow?.lower ?? 0)),
    );
  });

  it('covers the true mean about as often as it says', () => {
    const random = seededRandom('coverage');
    let covered = 0;
    for (let round = 0; round < 300; round++) {
      const values = Array.from({ length: 40 }, () => normalDeviate(random));
      const { lower, upper } = bootstrapMean(values, { seed: round, resamples: 300 });
      if (lower <= 0 && upper >= 0) covered++;
    }
    expect(covered / 300).toBeGreaterThan(0.89);
    expect(covered / 300).toBeLessThan(0.98);
  });

  it('leaves out resamples without a value, and has no answer without data', () => {
    const rare = [[1], [0], [0]];
    const defined = clusterBootstrap(rare, ([ones = 0]) => (ones > 0 ? ones : undefined), { seed: 1 });
    expect(defined?.lower).toBe(1);
    expect(clusterBootstrap([], () => 1, { seed: 1 })).toBeUndefined();
    expect(() => clusterBootstrap([[1], [1, 2]], () => 1, { seed: 1 })).toThrow(/cluster 1 has 2 numbers/);
    expect(() => bootstrapMean([], { seed: 1 })).toThrow(RangeError);
  });
});

describe('pairedPermutationTest', () => {
  const differences = [0.125, 0, 0.25, -0.125, 0.375, 0.5, -0.25, 0.125, 0.125, 0.25, 0, 0.375];

  it.each([
    ['two-sided', 0.0625],
    ['greater', 0.03125],
    ['less', 0.986328125],
  ] as const)('equals SciPy’s exact test (%s)', (alternative, expected) => {
    const exact = pairedPermutationTest(differences, { seed: 1, alternative });
    expect(exact).toEqual({
      difference: expect.closeTo(1.75 / 12, 14) as number,
      pValue: expected,
      exact: true,
    });
    const sampled = pairedPermutationTest(differences, { seed: 1, alternative, permutations: 1000 });
    expect(sampled.exact).toBe(false);
    expect(Math.abs(sampled.pValue - expected)).toBeLessThan(0.03);
  });

  it('finds nothing where there is nothing, and is never zero', () => {
    expect(pairedPermutationTest([0, 0, 0], { seed: 1 }).pValue).toBe(1);
    const strong = Array.from({ length: 200 }, () => 1);
    expect(pairedPermutationTest(strong, { seed: 1, permutations: 999 }).pValue).toBe(1 / 1000);
  });

  it('does not change when both systems are swapped, and repeats itself for a seed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 10 }),
        fc.integer(),
        (values, seed) => {
          const test = pairedPermutationTest(values, { seed });
          expect(
            pairedPermutationTest(
              values.map((value) => -value),
              { seed },
            ).pValue,
          ).toBe(test.pValue);
          expect(test.pValue).toBeGreaterThan(0);
          expect(test.pValue).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 50 },
    );
    const long = Array.from({ length: 30 }, (_, index) => (index % 3) - 0.9);
    expect(pairedPermutationTest(long, { seed: 5 })).toEqual(pairedPermutationTest(long, { seed: 5 }));
  });
});
