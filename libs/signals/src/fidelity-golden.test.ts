// Golden numbers: the same solutions and verdicts went through scikit-learn 1.9.1 (cohen_kappa_score, accuracy_score,
// calibration_curve for the bins of the calibration error, LogisticRegression without a penalty for Platt), SciPy 1.17.1
// (kendalltau; BFGS on the log-posterior for Bradley–Terry; brentq on the slope of the likelihood for the temperature) and
// NumPy (percentile, over resamples with the draws of our own generator).
import { ScoreMethod, type PairVerdict } from '@overtone/contracts';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { describe, expect, it } from 'vitest';
import { FidelityAssessment } from './fidelity.ts';
import { scoreGroup } from './score-group.ts';

const signal = {
  method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
  reversed: false,
  seed: 0,
  residualiseLength: false,
};

/** Verdicts with noise, a position bias and gaps, four decimals each, and an audit of four pairs in five. */
function groupOf(index: number) {
  const random = seededRandom('golden', index);
  const verdict = (logit: number): number => Math.round(1e4 / (1 + Math.exp(-logit))) / 1e4;
  const size = 5;
  const quality = Array.from({ length: size }, () => 1.2 * normalDeviate(random));
  const solutions = quality.map((value, k) => ({
    index: k,
    text: `solution ${k}`,
    meanEntropy: 1,
    meanLogprob: -1,
    tokens: Math.round(60 + 8 * value + 12 * normalDeviate(random)),
  }));
  const verdicts: PairVerdict[] = [];
  const audit: PairVerdict[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = i + 1; j < size; j++) {
      const difference = (quality[i] ?? 0) - (quality[j] ?? 0);
      const logit = 2.5 * (difference + normalDeviate(random));
      const forward = random() < 0.05 ? undefined : verdict(logit + 0.7 + 0.3 * normalDeviate(random));
      const backward = random() < 0.05 ? undefined : verdict(logit - 0.7);
      verdicts.push({ i, j, forward, backward });
      if (random() >= 0.8) continue;
      const strong = verdict(4 * (difference + 0.5 * normalDeviate(random)));
      audit.push({ i, j, forward: strong, backward: strong });
    }
  }
  return { problemId: `q${index}`, solutions, verdicts, audit };
}

const interval = (value: number, lower: number, upper: number) => ({ value, lower, upper });

const expected = {
  kappa: interval(0.4721078459021941, 0.34849092866958975, 0.5796252059284243),
  tau: interval(0.6194444444444445, 0.5, 0.7195138888888889),
  partialTau: interval(0.5965678144400447, 0.483402069569238, 0.6914052380929305),
  accuracy: interval(0.743455497382199, 0.6896508745543671, 0.802186064009889),
  confidentAccuracy: interval(0.93717277486911, 0.8860170738887253, 0.9735500724963752),
  calibrationError: interval(0.13511675392670144, 0.08117826622667867, 0.16912511134802646),
  // The percentile interval is [0.11804006892897946, 0.23834977726386938]; flip-rate.ts widens it by 1.0780.
  flipRate: interval(0.1746306479844172, 0.11362345481485923, 0.2433227393789838),
  calibratedError: 0.07586583221621446,
  temperature: 1.8937517600383327,
  plattBias: -0.40622586985660114,
  plattSlope: 0.5319189900272648,
  plattCalibratedError: 0.07194385962341505,
  verdictCalibrationError: 0.13381544943820206,
  auditorNoise: 0.0074631053488555255,
  orderConsistency: 0.9038461538461539,
  lengthCorrelation: 0.21756820922315767,
} as const;

describe('fidelity against scikit-learn and SciPy', () => {
  const assessment = new FidelityAssessment({ resamples: 200 });
  for (let index = 0; index < 24; index++) {
    const group = groupOf(index);
    assessment.add({ ...group, scores: scoreGroup(group, signal), signal });
  }
  const result = assessment.result();

  it.each(Object.entries(expected))('%s', (name, golden) => {
    const found = result[name as keyof typeof expected];
    if (typeof golden === 'number') expect(Math.abs(Number(found) - golden)).toBeLessThan(1e-9);
    else {
      const estimate = typeof found === 'object' ? found : undefined;
      for (const end of ['value', 'lower', 'upper'] as const)
        expect(Math.abs((estimate?.[end] ?? Number.NaN) - golden[end])).toBeLessThan(1e-9);
    }
  });

  it('has the same pairs, and a diagram that adds up to them', () => {
    expect(result.auditedPairs).toBe(191);
    expect(result.reliability.reduce((sum, { pairs }) => sum + pairs, 0)).toBe(191);
    const right = result.reliability.reduce((sum, { pairs, accuracy }) => sum + pairs * accuracy, 0);
    expect(right / 191).toBeCloseTo(expected.accuracy.value, 12);
  });
});
