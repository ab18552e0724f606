// Simulated judges whose truth is known: the estimates' intervals hold it as often as they say.
import { ScoreMethod, type PairVerdict } from '@overtone/contracts';
import { normalDeviate, type Random, seededRandom } from '@overtone/statistics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FidelityAssessment } from './fidelity.ts';
import { scoreGroup } from './score-group.ts';

const bradleyTerry = {
  method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
  reversed: false,
  seed: 0,
  residualiseLength: false,
};
const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

interface World {
  groups: number;
  size?: number;
  seed: number;
  resamples?: number;
  /** Probability that i is better, i shown first or not, by the difference of true qualities. */
  judge?: (difference: number, iFirst: boolean, random: Random) => number;
  /** The auditor's probability; the truth when absent. */
  auditor?: (difference: number, random: Random) => number;
  /** A signal without a judge: its score from the true quality. */
  scorer?: (quality: number, random: Random) => number;
}

function assess({ groups, size = 6, seed, resamples = 200, judge, auditor, scorer }: World) {
  const assessment = new FidelityAssessment({ resamples });
  for (let group = 0; group < groups; group++) {
    const random = seededRandom('estimates', seed, group);
    const quality = Array.from({ length: size }, () => normalDeviate(random));
    const solutions = quality.map((_, index) => ({
      index,
      text: `solution ${index}`,
      meanEntropy: 1,
      meanLogprob: -1,
      tokens: 10 + Math.floor(90 * random()),
    }));
    const pairs = (verdict: (difference: number, iFirst: boolean) => number): PairVerdict[] =>
      solutions.flatMap(({ index: i }) =>
        solutions.slice(i + 1).map(({ index: j }) => {
          const difference = (quality[i] ?? 0) - (quality[j] ?? 0);
          return { i, j, forward: verdict(difference, true), backward: verdict(difference, false) };
        }),
      );
    const verdicts =
      judge === undefined ? [] : pairs((difference, iFirst) => judge(difference, iFirst, random));
    const audit = pairs((difference) => (auditor ?? ((d) => (d > 0 ? 1 : 0)))(difference, random)).map(
      (verdict) => ({ ...verdict, backward: verdict.forward }),
    );
    const problemId = `p${group}`;
    const scores =
      scorer === undefined
        ? scoreGroup({ problemId, solutions, verdicts }, bradleyTerry)
        : quality.map((value, index) => ({ index, score: scorer(value, random), standardError: 0 }));
    assessment.add({ problemId, solutions, scores, verdicts, audit, signal: bradleyTerry });
  }
  return assessment.result();
}

/** Scores with noise of this deviation order two solutions wrongly with probability arccos(ρ) / π, ρ = 1 / √(1 + deviation²). */
const flipsOf = (deviation: number): number => Math.acos(1 / Math.sqrt(1 + deviation ** 2)) / Math.PI;

/** How often, of `times` worlds, the interval of the flip rate holds the truth. */
function coverage(times: number, truth: number, world: Omit<World, 'seed'>): number {
  let held = 0;
  for (let seed = 0; seed < times; seed++) {
    const { flipRate = { lower: 1, upper: 0 } } = assess({ ...world, seed });
    if (flipRate.lower <= truth && truth <= flipRate.upper) held++;
  }
  return held / times;
}

describe('the flip rate', () => {
  // 95 % of 100 worlds, less three standard errors of that count and a little for the percentile interval.
  it.each([0.2, 0.8, 2])('is held by its interval: scores with noise %d', (deviation) => {
    const held = coverage(100, flipsOf(deviation), {
      groups: 40,
      scorer: (quality, random) => quality + deviation * normalDeviate(random),
    });
    expect(held).toBeGreaterThanOrEqual(0.87);
  });

  it.each([0.1, 0.2])('is corrected for an auditor that errs by chance: %d', (noise) => {
    const world = {
      groups: 40,
      auditor: (difference: number, random: Random) => (difference > 0 === random() >= noise ? 1 : 0),
      scorer: (quality: number, random: Random) => quality + 0.5 * normalDeviate(random),
    };
    expect(coverage(100, flipsOf(0.5), world)).toBeGreaterThanOrEqual(0.87);
    const { auditorNoise, flipRate, accuracy } = assess({ ...world, groups: 300, seed: 1 });
    expect(auditorNoise).toBeCloseTo(noise, 1);
    expect(Math.abs((flipRate?.value ?? 0) - flipsOf(0.5))).toBeLessThan(0.03);
    // Taken at its word, the auditor would have the signal look worse than it is.
    expect(1 - (accuracy?.value ?? 0)).toBeGreaterThan(flipsOf(0.5) + 0.05);
  });

  it('is lower for the best against the worst, which are further apart', () => {
    const { flipRate, bestWorstFlipRate } = assess({
      groups: 100,
      seed: 2,
      scorer: (quality, random) => quality + normalDeviate(random),
    });
    expect(bestWorstFlipRate?.upper).toBeLessThan(flipRate?.lower ?? 0);
  });

  it('is higher for the best against the others, where a signal puts middling solutions first', () => {
    const signal = (scorer: (quality: number) => number) => assess({ groups: 100, seed: 3, scorer });
    const middling = signal((quality) => (Math.abs(quality) < 0.5 ? 100 + quality : quality));
    expect(middling.flipRate?.upper).toBeLessThan(0.35);
    expect(middling.bestFlipRate?.lower).toBeGreaterThan(middling.flipRate?.upper ?? 1);
    expect(signal((quality) => quality).bestFlipRate?.value).toBe(0);
    expect(signal((quality) => -quality).bestFlipRate?.value).toBe(1);
  });

  it('without an audit is a lower bound, and never above the truth by more than noise', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 4, noNaN: true }),
        fc.integer({ min: 0, max: 1e6 }),
        (noise, seed) => {
          const judge: World['judge'] = (difference, _, random) =>
            sigmoid(3 * (difference + noise * normalDeviate(random)));
          const unaudited = assess({ groups: 60, seed, judge, auditor: () => 0.5, resamples: 50 });
          expect(unaudited.flipRateIsLowerBound).toBe(true);
          expect(unaudited.flipRate?.upper).toBe(1);
          const audited = assess({ groups: 60, seed, judge, resamples: 50 });
          expect(audited.flipRateIsLowerBound).toBe(false);
          expect(unaudited.flipRate?.lower).toBeLessThanOrEqual(audited.flipRate?.upper ?? 0);
        },
      ),
      { numRuns: 15, seed: 1 },
    );
  });
});

describe('kappa', () => {
  it('is held by its interval as often as that says', () => {
    let held = 0;
    for (let seed = 0; seed < 100; seed++) {
      const judge: World['judge'] = (difference, iFirst, random) =>
        iFirst ? (difference > 0 === random() >= 0.2 ? 0.9 : 0.1) : 0.5;
      const { kappa = { lower: 1, upper: 0 } } = assess({ groups: 40, seed, judge });
      if (kappa.lower <= 0.6 && 0.6 <= kappa.upper) held++;
    }
    expect(held).toBeGreaterThanOrEqual(87);
  });
});

describe('calibration', () => {
  it('finds the temperature and the favour for a place that a judge was given', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 3, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 1e6 }),
        (stretch, favour, seed) => {
          // The auditor's preference comes true as often as σ(2 × difference) says; the judge knows that, but stretches its
          // log-odds and favours a place.
          const result = assess({
            groups: 150,
            size: 5,
            seed,
            resamples: 20,
            judge: (difference, iFirst) => sigmoid(stretch * 2 * difference + (iFirst ? favour : -favour)),
            auditor: (difference, random) => (random() < sigmoid(2 * difference) ? 1 : 0),
          });
          const { plattBias = 9, plattSlope = 9, temperature = 9 } = result;
          expect(Math.abs(plattSlope * stretch - 1)).toBeLessThan(0.2);
          expect(Math.abs(plattBias + plattSlope * favour)).toBeLessThan(0.2);
          expect(Math.sign(result.positionBias ?? 0)).toBe(Math.abs(favour) < 1e-3 ? 0 : Math.sign(favour));
          if (Math.abs(favour) < 0.3) expect(Math.abs(temperature / stretch - 1)).toBeLessThan(0.25);
          expect(result.plattCalibratedError).toBeLessThan(0.06);
        },
      ),
      { numRuns: 15, seed: 1 },
    );
  });

  it('repairs a judge that is too sure, and leaves the order of its preferences alone', () => {
    const { calibrationError, calibratedError, temperature, reliability } = assess({
      groups: 120,
      seed: 5,
      judge: (difference) => sigmoid(6 * difference),
      auditor: (difference, random) => (random() < sigmoid(difference) ? 1 : 0),
    });
    expect(temperature).toBeGreaterThan(4);
    expect(calibrationError?.lower).toBeGreaterThan(0.1);
    expect(calibratedError).toBeLessThan(0.05);
    // Too sure: every bin that matters lies under the diagonal.
    for (const { pairs, confidence, accuracy } of reliability)
      if (pairs > 100) expect(accuracy).toBeLessThan(confidence);
  });
});

describe('split-half reliability', () => {
  it('is 1 for a judge without noise, near 0 for coins, and negative for a judge that looks at places alone', () => {
    const reliability = (judge: World['judge']) =>
      assess({ groups: 40, seed: 6, judge }).splitHalfReliability?.value ?? Number.NaN;
    expect(reliability((difference) => sigmoid(difference))).toBeCloseTo(1, 12);
    expect(Math.abs(reliability((_, __, random) => (random() < 0.5 ? 0 : 1)))).toBeLessThan(0.2);
    expect(reliability((_, iFirst) => (iFirst ? 0.9 : 0.1))).toBeLessThan(-0.5);
  });
});
