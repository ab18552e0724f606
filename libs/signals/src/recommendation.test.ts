import { type PairVerdict, Recommendation, ScoreMethod } from '@overtone/contracts';
import { normalDeviate, type Random, seededRandom } from '@overtone/statistics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FidelityAssessment } from './fidelity.ts';
import { type DecidingFigures, recommend } from './recommendation.ts';
import { scoreGroup } from './score-group.ts';

const at = (value: number, lower = value, upper = value) => ({ value, lower, upper });

/** A signal that is audited on 100 groups and agrees on all but a few pairs. */
const good: DecidingFigures = {
  auditedGroups: 100,
  auditedPairs: 2800,
  flipRate: at(0.05, 0.04, 0.07),
  disagreement: at(0.06, 0.05, 0.08),
  kappa: at(0.88, 0.85, 0.9),
  partialTau: at(0.8, 0.7, 0.85),
  lengthCorrelation: at(0.3, 0.2, 0.4),
  orderConsistency: at(0.9, 0.85, 0.95),
  tieRate: at(0, 0, 0.01),
  splitHalf: at(0.9, 0.85, 0.95),
};
const flips = (value: number, lower: number, upper: number): Partial<DecidingFigures> => ({
  flipRate: at(value, lower, upper),
  disagreement: at(value, lower, upper),
});

describe('the recommendation', () => {
  it.each<[string, Partial<DecidingFigures>, string, RegExp]>([
    ['agreement', {}, 'use', /5\.0 % the wrong way round \[4\.0 %, 7\.0 %\].*kappa 0\.88/],
    [
      'a moderate flip rate',
      flips(0.2, 0.17, 0.23),
      'attenuate',
      /^Attenuate by 20\.0 %: .*more than 15 % may be wrong/,
    ],
    [
      'coins',
      { ...flips(0.49, 0.46, 0.52), kappa: at(0.02, -0.03, 0.07) },
      'do not train',
      /coin tosses.*kappa 0\.02/,
    ],
    [
      'a signal that puts a bad solution first, and is right about the rest',
      { ...flips(0.22, 0.19, 0.26), bestFlipRate: at(0.45, 0.4, 0.5) },
      'do not train',
      /22\.0 % the wrong way round.*what it puts first loses 45\.0 % of its audited comparisons/,
    ],
    [
      'a reversed signal',
      { ...flips(0.9, 0.88, 0.93), kappa: at(-0.8, -0.9, -0.7) },
      'do not train',
      /reversed, and its opposite/,
    ],
    [
      'verdicts that agree by chance',
      { kappa: at(0.05, -0.02, 0.1) },
      'do not train',
      /no more than chance does: kappa 0\.05/,
    ],
    [
      'orders that disagree',
      { orderConsistency: at(0.2, 0.15, 0.25) },
      'attenuate',
      /both orders agree on only 20\.0 %/,
    ],
    ['ties', { tieRate: at(0.7, 0.65, 0.75) }, 'attenuate', /no preference on 70\.0 %/],
    [
      'length',
      { partialTau: at(0.02, -0.05, 0.1) },
      'attenuate',
      /length explains.*tau 0\.30.*partial tau 0\.02/,
    ],
    [
      'length and nothing else',
      { partialTau: undefined, lengthCorrelation: at(1) },
      'attenuate',
      /length explains/,
    ],
    [
      'a corrected flip rate',
      { disagreement: at(0.17, 0.15, 0.2) },
      'attenuate',
      /only after a correction for the auditor/,
    ],
    [
      'no audit',
      { auditedGroups: 0, flipRate: undefined, disagreement: undefined },
      'do not train',
      /^Unaudited: .*0\.90.*audit 97 groups/,
    ],
    [
      'no audit, and no agreement with itself',
      { auditedGroups: 0, flipRate: undefined, disagreement: undefined, splitHalf: at(0.02, -0.1, 0.1) },
      'do not train',
      /do not even agree with each other.*0\.02/,
    ],
    [
      'no audit and no judge',
      { auditedGroups: 0, flipRate: undefined, disagreement: undefined, splitHalf: undefined },
      'do not train',
      /^Unaudited: nothing here says/,
    ],
  ])('%s', (_, change, recommendation, reason) => {
    const advice = recommend({ ...good, ...change });
    expect(advice.recommendation).toBe(recommendation);
    expect(advice.reason).toMatch(reason);
    expect(advice.reason).not.toMatch(/undefined|NaN/);
  });

  it('says how many audited groups would decide', () => {
    const wide = recommend({ ...good, auditedGroups: 10, ...flips(0.3, 0.1, 0.5) });
    expect(wide).toMatchObject({ recommendation: 'do not train', groupsNeeded: 23 });
    expect(wide.reason).toMatch(/too small.*about 23 audited groups would decide/);
    const near = recommend({ ...good, auditedGroups: 50, ...flips(0.12, 0.08, 0.16) });
    expect(near).toMatchObject({ recommendation: 'attenuate', groupsNeeded: 89 });
    expect(recommend(good).groupsNeeded).toBe(0);
    expect(recommend({ ...good, ...flips(0.9, 0.8, 0.95) }).groupsNeeded).toBe(0);
  });

  it('only ever gets stricter as more is the wrong way round', () => {
    const strictness = ['use', 'attenuate', 'do not train'];
    const share = fc.double({ min: 0, max: 0.2, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.5, noNaN: true }), share, share, (value, more, width) => {
        const of = (middle: number) =>
          strictness.indexOf(
            recommend({ ...good, ...flips(middle, Math.max(0, middle - width), Math.min(1, middle + width)) })
              .recommendation,
          );
        expect(of(value + more)).toBeGreaterThanOrEqual(of(value));
      }),
    );
  });
});

/** The recommendation for a judge that prefers the better of two, by the difference of qualities and lengths, as it likes. */
function advise(
  seed: number,
  groups: number,
  judge: (difference: number, longer: number, iFirst: boolean, random: Random) => number,
): Recommendation {
  const assessment = new FidelityAssessment({ resamples: 200 });
  const signal = {
    method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
    reversed: false,
    seed: 0,
    residualiseLength: false,
  };
  for (let group = 0; group < groups; group++) {
    const random = seededRandom('recommendation', seed, group);
    const solutions = Array.from({ length: 5 }, (_, index) => ({
      index,
      text: `solution ${index}`,
      meanEntropy: 1,
      meanLogprob: -1,
      tokens: 10 + Math.floor(90 * random()),
    }));
    const quality = solutions.map(() => normalDeviate(random));
    const verdicts: PairVerdict[] = [];
    const audit: PairVerdict[] = [];
    for (let i = 0; i < solutions.length; i++) {
      for (let j = i + 1; j < solutions.length; j++) {
        const difference = (quality[i] ?? 0) - (quality[j] ?? 0);
        const longer = (solutions[i]?.tokens ?? 0) - (solutions[j]?.tokens ?? 0);
        const verdict = (iFirst: boolean): number => judge(difference, longer, iFirst, random);
        verdicts.push({ i, j, forward: verdict(true), backward: verdict(false) });
        audit.push({ i, j, forward: difference > 0 ? 1 : 0, backward: difference > 0 ? 1 : 0 });
      }
    }
    const problemId = `p${group}`;
    const scores = scoreGroup({ problemId, solutions, verdicts }, signal);
    assessment.add({ problemId, solutions, scores, verdicts, audit, signal });
  }
  return assessment.result().recommendation;
}

describe('judges', () => {
  const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
  const seeds = fc.integer({ min: 0, max: 1e6 });
  const groups = fc.integer({ min: 1, max: 80 });
  // With a seed: what is said with 95 % confidence is wrong now and then.
  const runs = { numRuns: 40, seed: 1 };

  it('that err on purpose are never trained on, however small the audit', () => {
    fc.assert(
      fc.property(seeds, groups, fc.double({ min: 0.5, max: 1, noNaN: true }), (seed, count, flip) => {
        const found = advise(seed, count, (difference, _, __, random) =>
          difference > 0 === random() >= flip ? 0.9 : 0.1,
        );
        expect(found).not.toBe(Recommendation.RECOMMENDATION_USE);
        if (flip > 0.6) expect(found).toBe(Recommendation.RECOMMENDATION_DO_NOT_TRAIN);
      }),
      runs,
    );
  });

  it('that look at places or lengths alone are never used', () => {
    fc.assert(
      fc.property(seeds, groups, fc.double({ min: 0.5, max: 5, noNaN: true }), (seed, count, favour) => {
        const placed = advise(seed, count, (_, __, iFirst, random) =>
          sigmoid((iFirst ? favour : -favour) + 0.1 * normalDeviate(random)),
        );
        expect(placed).toBe(Recommendation.RECOMMENDATION_DO_NOT_TRAIN);
        const long = advise(seed, count, (_, longer) => sigmoid(favour * longer));
        expect(long).toBe(Recommendation.RECOMMENDATION_DO_NOT_TRAIN);
      }),
      runs,
    );
  });

  it('that are right are used once the audit is large enough, and not before', () => {
    fc.assert(
      fc.property(seeds, groups, (seed, count) => {
        const found = advise(seed, count, (difference) => sigmoid(3 * difference));
        if (count >= 23) expect(found).toBe(Recommendation.RECOMMENDATION_USE);
        else expect(found).not.toBe(Recommendation.RECOMMENDATION_USE);
      }),
      runs,
    );
  });
});
