// Golden numbers: scipy 1.17.1 (stats.norm.ppf) and statsmodels 0.15.0 (multipletests(method='holm'), mcnemar(exact=True),
// TTestPower().solve_power(alternative='two-sided')), run on the arguments that stand beside them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holm } from './holm.ts';
import { majAtK } from './maj-at-k.ts';
import { mcnemarTest } from './mcnemar-test.ts';
import { normalQuantile } from './normal-quantile.ts';
import { pairedPermutationTest } from './paired-permutation-test.ts';
import { seededRandom } from './random.ts';
import { detectableDifference, questionsNeeded } from './sample-size.ts';

describe('normalQuantile', () => {
  it.each([
    [1e-300, -37.0470962993612],
    [1e-12, -7.034483825301131],
    [0.001, -3.090232306167813],
    [0.025, -1.9599639845400545],
    [0.07, -1.4757910281791706],
    [0.2, -0.8416212335729142],
    [0.5, 0],
    [0.6, 0.2533471031357997],
    [0.975, 1.959963984540054],
    [0.9999999999, 6.361340889697422],
  ])('of %d is SciPy’s', (probability, expected) => {
    expect(normalQuantile(probability)).toBeCloseTo(expected, 12);
  });

  it('refuses what is no probability', () => {
    for (const value of [0, 1, NaN, -1]) expect(() => normalQuantile(value)).toThrow(RangeError);
  });
});

describe('holm', () => {
  it.each([
    [
      [0.01, 0.04, 0.03, 0.005],
      [0.03, 0.06, 0.06, 0.02],
    ],
    [
      [0.2, 0.0004, 0.9, 0.05, 0.05, 0.013],
      [0.4, 0.0024, 0.9, 0.2, 0.2, 0.065],
    ],
    [
      [0.6, 0.7],
      [1, 1],
    ],
    [[0.031], [0.031]],
    [[], []],
  ])('of %j is statsmodels’', (pValues, expected) => {
    const adjusted = holm(pValues);
    expect(adjusted).toHaveLength(expected.length);
    adjusted.forEach((value, index) => expect(value).toBeCloseTo(expected[index] ?? NaN, 12));
  });

  it('keeps the order, raises every value, and never above Bonferroni', () => {
    const pValue = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(pValue, { minLength: 1, maxLength: 12 }), (pValues) => {
        const adjusted = holm(pValues);
        pValues.forEach((value, index) => {
          const own = adjusted[index] ?? NaN;
          expect(own).toBeGreaterThanOrEqual(value);
          expect(own).toBeLessThanOrEqual(Math.min(1, value * pValues.length) + 1e-15);
          pValues.forEach((other, at) => {
            if (value < other) expect(own).toBeLessThanOrEqual(adjusted[at] ?? NaN);
          });
        });
      }),
    );
    expect(() => holm([0.5, 1.5])).toThrow(/p-value 1 is 1.5/);
  });
});

describe('mcnemarTest', () => {
  it.each([
    [9, 2, 0.0654296875],
    [0, 6, 0.03125],
    [15, 15, 1],
    [31, 18, 0.08543313315739454],
    [3, 1, 0.625],
    [520, 430, 0.0038597074976553887],
    [1200, 1000, 2.1817026407914194e-5],
  ])('of %d against %d is statsmodels’ exact test', (gained, lost, expected) => {
    expect(mcnemarTest(gained, lost)).toBeCloseTo(expected, 9);
    expect(mcnemarTest(gained, lost) / expected).toBeCloseTo(1, 9);
    expect(mcnemarTest(lost, gained)).toBe(mcnemarTest(gained, lost));
  });

  it('is the paired permutation test of differences of one', () => {
    const count = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(count, count, (gained, lost) => {
        const differences = [...Array<number>(gained).fill(1), ...Array<number>(lost).fill(-1), 0];
        expect(mcnemarTest(gained, lost)).toBeCloseTo(
          pairedPermutationTest(differences, { seed: 1 }).pValue,
          12,
        );
      }),
    );
    expect(() => mcnemarTest(0.5, 1)).toThrow(RangeError);
  });
});

describe('questionsNeeded', () => {
  it.each([
    [0.1, 0.35, 0.05, 0.8, 98.08660649904223],
    [0.02, 0.3, 0.05, 0.8, 1767.915305235505],
    [0.25, 0.3, 0.05, 0.9, 17.167064097224735],
    [0.05, 0.2, 0.005, 0.8, 216.94846161317338],
    [-0.1, 0.25, 0.01, 0.95, 114.68014886061559],
  ])(
    'for %d ± %d at alpha %d, power %d is within one of statsmodels’ t test',
    (gain, spread, alpha, power, n) => {
      const needed = questionsNeeded(gain, spread, { alpha, power });
      expect(Math.abs(needed - n)).toBeLessThanOrEqual(1);
      const detectable = detectableDifference(needed, spread, { alpha, power });
      expect(detectable).toBeLessThanOrEqual(Math.abs(gain));
      expect(detectableDifference(needed - 1, spread, { alpha, power })).toBeGreaterThan(Math.abs(gain));
    },
  );

  it.each([
    [120, 0.35, 0.05, 0.8, 0.09024238735575457],
    [30, 0.3, 0.005, 0.9, 0.24054231861336559],
    [1000, 0.2, 0.05, 0.8, 0.017736203655449916],
  ])(
    '%d questions ± %d at alpha %d, power %d show what statsmodels says, to 2 %%',
    (n, spread, alpha, power, gain) => {
      expect(Math.abs(detectableDifference(n, spread, { alpha, power }) / gain - 1)).toBeLessThan(0.02);
    },
  );

  it('gives the permutation test the power that it promises, on differences of avg@8', () => {
    // Questions with a chance of their own, of which training adds .08 to each: the spread is measured as a report does.
    const random = seededRandom('power');
    const draw = (): number => {
      const chance = 0.2 + 0.6 * random();
      const samples = (right: number): number =>
        Array.from({ length: 8 }, () => Number(random() < right)).reduce((sum, each) => sum + each, 0) / 8;
      return samples(chance + 0.08) - samples(chance);
    };
    const pilot = Array.from({ length: 4000 }, draw);
    const gain = pilot.reduce((sum, value) => sum + value, 0) / pilot.length;
    const spread = Math.sqrt(pilot.reduce((sum, value) => sum + (value - gain) ** 2, 0) / pilot.length);
    const needed = questionsNeeded(gain, spread);
    let seen = 0;
    for (let study = 0; study < 400; study++) {
      const differences = Array.from({ length: needed }, draw);
      if (pairedPermutationTest(differences, { seed: study, permutations: 400 }).pValue < 0.05) seen++;
    }
    expect(seen / 400).toBeGreaterThan(0.74);
    expect(seen / 400).toBeLessThan(0.86);
  });

  it('knows what cannot be seen, and what is no question', () => {
    expect(questionsNeeded(0, 0.3)).toBe(Infinity);
    expect(questionsNeeded(0.5, 0)).toBe(2);
    expect(detectableDifference(1, 0.3)).toBe(Infinity);
    expect(() => questionsNeeded(0.1, -1)).toThrow(/deviation is -1/);
    expect(() => questionsNeeded(0.1, 1, { alpha: 0 })).toThrow(/alpha 0/);
    // 34 by any table of the t test.
    expect(questionsNeeded(0.5, 1)).toBe(34);
  });
});

describe('majAtK', () => {
  it('is the mean over all draws of k samples', () => {
    const votes = fc
      .tuple(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
        fc.integer({ min: 0, max: 2 }),
      )
      .filter(([correct, wrong, silent]) => correct + wrong.length + silent > 0);
    fc.assert(
      fc.property(votes, fc.nat(), ([correct, wrong, silent], pick) => {
        const answers = [
          ...Array<number>(correct).fill(0),
          ...wrong.flatMap((count, index) => Array<number>(count).fill(index + 1)),
          ...Array<number>(silent).fill(-1),
        ];
        const k = 1 + (pick % answers.length);
        let draws = 0;
        let right = 0;
        for (let subset = 0; subset < 2 ** answers.length; subset++) {
          const drawn = answers.filter((_, index) => (subset >> index) & 1);
          if (drawn.length !== k) continue;
          draws++;
          const tally = Map.groupBy(
            drawn.filter((answer) => answer >= 0),
            (answer) => answer,
          );
          const most = Math.max(0, ...[...tally.values()].map((members) => members.length));
          const winners = [...tally].filter(([, members]) => members.length === most);
          if (winners.some(([answer]) => answer === 0)) right += 1 / winners.length;
        }
        const measured = majAtK({ samples: answers.length, correct, wrong }, k);
        expect(measured).toBeCloseTo(right / draws, 10);
        if (k === 1) expect(measured).toBeCloseTo(correct / answers.length, 12);
      }),
      { numRuns: 150 },
    );
  });

  it('is quick for many samples, and near what the law of large numbers says', () => {
    const wrong = Array.from({ length: 60 }, () => 1);
    const started = performance.now();
    expect(majAtK({ samples: 128, correct: 64, wrong }, 32)).toBeGreaterThan(0.999);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('names what is wrong', () => {
    expect(() => majAtK({ samples: 4, correct: 2, wrong: [] }, 5)).toThrow(/k is 5 of 4 samples/);
    expect(() => majAtK({ samples: 4, correct: 2, wrong: [3] }, 2)).toThrow(/votes 2 \+ 3 of 4/);
  });
});
