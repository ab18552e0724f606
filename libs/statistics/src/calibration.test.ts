import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPrediction, calibrationBins, expectedCalibrationError } from './calibration-error.ts';
import { partialCorrelation } from './partial-correlation.ts';
import { fitPlatt } from './platt-scaling.ts';
import { seededRandom } from './random.ts';
import { spearmanBrown } from './spearman-brown.ts';
import { fitTemperature } from './temperature-scaling.ts';

// Golden numbers: scikit-learn 1.9.1 (LogisticRegression without a penalty), SciPy 1.17.1 (brentq).
const logits = [2.1, -0.4, 0.3, 1.7, -1.2, 0.8, 3.3, -2.5, 0.1, 1.1];
const outcomes = [1, 0, 1, 1, 0, 0, 1, 0, 1, 0];

describe('temperature scaling', () => {
  it('equals a root found by SciPy', () => {
    const toward = logits.map((logit, index) => (outcomes[index] === 1 ? logit : -logit));
    expect(Math.abs((fitTemperature(toward) ?? 0) - 0.9848709462758248)).toBeLessThan(1e-9);
  });

  it('recovers how far log-odds were stretched', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 4, noNaN: true }), fc.integer(), (temperature, seed) => {
        const random = seededRandom('temperature', seed);
        const toward = Array.from({ length: 6000 }, () => {
          const logit = 6 * (random() - 0.5);
          return temperature * (random() < 1 / (1 + Math.exp(-logit)) ? logit : -logit);
        });
        const found = fitTemperature(toward) ?? 0;
        expect(Math.abs(Math.log(found / temperature))).toBeLessThan(0.2);
      }),
      { numRuns: 20 },
    );
  });

  it('ends at its bounds where the likelihood has no maximum', () => {
    expect(fitTemperature([1, 2, 3])).toBe(0.01);
    expect(fitTemperature([-1, -2, 1])).toBe(100);
    expect([fitTemperature([]), fitTemperature([0, 0])]).toEqual([undefined, undefined]);
  });
});

describe('Platt scaling', () => {
  it('equals scikit-learn', () => {
    const { bias = 0, slope = 0 } = fitPlatt(logits, outcomes) ?? {};
    expect(Math.abs(bias - -0.7215035590463329)).toBeLessThan(1e-9);
    expect(Math.abs(slope - 1.2679436094951477)).toBeLessThan(1e-9);
  });

  it('stays finite for outcomes that can be separated, and is undefined for predictions that do not differ', () => {
    const { bias, slope } = fitPlatt([-1, -2, 1, 2], [0, 0, 1, 1]) ?? { bias: NaN, slope: NaN };
    expect(Math.abs(bias)).toBeLessThanOrEqual(100);
    expect(slope).toBeGreaterThan(5);
    expect(slope).toBeLessThanOrEqual(100);
    expect([fitPlatt([], []), fitPlatt([1, 1], [0, 1])]).toEqual([undefined, undefined]);
    expect(() => fitPlatt([1], [1, 0])).toThrow(RangeError);
  });
});

describe('the calibration error', () => {
  it('weighs the gaps of bins, and puts edges into the lower bin', () => {
    const bins = calibrationBins(10);
    for (const [confidence, right] of [
      [0.6, true],
      [0.58, false],
      [0.9, true],
      [1, true],
    ] as const)
      addPrediction(bins, confidence, right);
    expect([...bins.sums.subarray(3, 6)]).toEqual([2, 1.18, 1]);
    // |1 − 1.18| + |1 − .9| + |1 − 1| over 4.
    expect(expectedCalibrationError(bins.sums)).toBeCloseTo(0.07, 12);
    expect(expectedCalibrationError(calibrationBins().sums)).toBeUndefined();
  });
});

describe('partial correlation and Spearman–Brown', () => {
  it('are the formulas', () => {
    expect(partialCorrelation(0.5, 0.6, 0.7)).toBeCloseTo(0.08 / Math.sqrt(0.64 * 0.51), 14);
    expect(partialCorrelation(0.3, 1, 0.3)).toBeUndefined();
    expect(spearmanBrown(0.5)).toBeCloseTo(2 / 3, 14);
    expect([spearmanBrown(0), spearmanBrown(-1), spearmanBrown(1)]).toEqual([0, -1, 1]);
  });
});
