import {
  type AssessFidelityRequest,
  type AssessFidelityResponse,
  type PairVerdict,
  ScoreMethod,
  type Solution,
} from '@overtone/contracts';
import { type Random, seededRandom } from '@overtone/statistics';
import { describe, expect, it } from 'vitest';
import { FidelityAssessment } from './fidelity.ts';
import { reverseVerdict } from './reconcile.ts';
import { scoreGroup } from './score-group.ts';

const wins = { method: ScoreMethod.SCORE_METHOD_WINS, reversed: false, seed: 0, residualiseLength: false };

/** Solution k of a group is the k-th best; its length is drawn at random. */
function solutionsOf(size: number, random: Random): Solution[] {
  return Array.from({ length: size }, (_, index) => ({
    index,
    text: `solution ${index}`,
    meanEntropy: 0.1 * (index + 1),
    meanLogprob: -1,
    tokens: 10 + Math.floor(random() * 100),
  }));
}

/** Verdicts of a judge that names the worse solution with probability `flip`, the same in both orders. */
function judge(size: number, flip: number, random: Random): PairVerdict[] {
  const verdicts: PairVerdict[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = i + 1; j < size; j++) {
      const preference = random() < flip ? 0.1 : 0.9;
      verdicts.push({ i, j, forward: preference, backward: preference });
    }
  }
  return verdicts;
}

/** Shuffles which solution is the best, so that the label "first" is as frequent as "second". */
function shuffled(solutions: Solution[], random: Random): Solution[] {
  return solutions
    .map((solution) => ({ solution, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ solution }) => solution);
}

function assess(
  groups: number,
  build: (random: Random, solutions: Solution[]) => Partial<AssessFidelityRequest>,
): AssessFidelityResponse {
  const assessment = new FidelityAssessment({ resamples: 300 });
  for (let group = 0; group < groups; group++) {
    const random = seededRandom('fidelity', group);
    const solutions = shuffled(solutionsOf(6, random), random);
    const request: AssessFidelityRequest = {
      problemId: `p${group}`,
      solutions,
      scores: solutions.map(({ index }) => ({ index, score: 0, standardError: 0 })),
      verdicts: [],
      audit: [],
      ...build(random, solutions),
    };
    assessment.add({
      ...request,
      scores:
        request.verdicts.length > 0
          ? scoreGroup({ ...request, problemId: `p${group}` }, request.signal ?? wins)
          : request.scores,
    });
  }
  return assessment.result();
}

describe('fidelity', () => {
  it('is full for a judge that agrees with the audit', () => {
    const result = assess(30, (random) => {
      const audit = judge(6, 0, random);
      return { audit, verdicts: audit };
    });
    expect(result).toMatchObject({
      groups: 30,
      auditedPairs: 30 * 15,
      kappa: { value: 1, lower: 1, upper: 1 },
      orderConsistency: 1,
      positionBias: 0,
      unreadable: 0,
      intransitivity: 0,
    });
    expect(result.tau?.value).toBeCloseTo(1, 12);
  });

  it('falls to 1 − 2 × flip rate for a judge that errs at random, with intervals that hold the truth', () => {
    for (const flip of [0.1, 0.25, 0.5]) {
      const { kappa, intransitivity = 0 } = assess(60, (random) => ({
        audit: judge(6, 0, random),
        verdicts: judge(6, flip, random),
      }));
      const expected = 1 - 2 * flip;
      expect(kappa?.value).toBeGreaterThan(expected - 0.08);
      expect(kappa?.value).toBeLessThan(expected + 0.08);
      expect(kappa?.lower).toBeLessThan(expected);
      expect(kappa?.upper).toBeGreaterThan(expected);
      if (flip === 0.5) expect(Math.abs(intransitivity - 0.25)).toBeLessThan(0.05);
    }
  });

  it('is negative for a reversed signal, whose judge keeps its own consistency', () => {
    const reversed = assess(30, (random) => {
      const audit = judge(6, 0, random);
      return { audit, verdicts: audit, signal: { ...wins, reversed: true } };
    });
    // Not −1 exactly: kappa's chance agreement depends on how often each side of a pair is the better one.
    expect(reversed.kappa?.value).toBeCloseTo(-1, 2);
    expect(reversed.tau?.value).toBeCloseTo(-1, 12);
    expect(reversed.orderConsistency).toBe(1);
    const told = assess(30, (random) => {
      const audit = judge(6, 0, random);
      return { audit, verdicts: audit.map(reverseVerdict) };
    });
    expect(told.kappa).toEqual(reversed.kappa);
  });

  it('takes the preferences of a signal without a judge from its scores', () => {
    const { kappa, tau, orderConsistency, positionBias, unreadable, intransitivity } = assess(
      20,
      (random, solutions) => ({
        audit: judge(6, 0, random),
        scores: solutions.map(({ index, meanEntropy }) => ({
          index,
          score: 1 / meanEntropy,
          standardError: 0,
        })),
      }),
    );
    expect(kappa?.value).toBe(1);
    expect(tau?.value).toBeCloseTo(1, 12);
    expect([orderConsistency, positionBias, unreadable, intransitivity]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('measures position bias, inconsistency and unreadable verdicts', () => {
    const biased = assess(20, (random) => ({
      verdicts: judge(6, 0, random).map(({ i, j }) => ({ i, j, forward: 0.8, backward: 0.4 })),
    }));
    expect(biased.orderConsistency).toBe(0);
    expect(biased.positionBias).toBeCloseTo(0.2, 12);
    expect(biased.kappa).toBeUndefined();
    expect(biased.tau).toBeUndefined();
    const partly = assess(20, (random) => ({
      verdicts: judge(6, 0, random).map(({ i, j, forward, backward }) =>
        i === 0 ? { i, j } : i === 1 ? { i, j, forward } : { i, j, forward, backward },
      ),
    }));
    // Of 15 pairs, 5 are unreadable in both orders and 4 in one.
    expect(partly.unreadable).toBeCloseTo((5 * 2 + 4) / 30, 12);
    expect(partly.orderConsistency).toBe(1);
  });

  it('finds circles', () => {
    const { intransitivity } = assess(1, () => ({
      verdicts: [
        { i: 0, j: 1, forward: 1, backward: 1 },
        { i: 1, j: 2, forward: 1, backward: 1 },
        { i: 0, j: 2, forward: 0, backward: 0 },
      ],
    }));
    expect(intransitivity).toBe(1);
  });

  it('finds a signal that measures length', () => {
    const { lengthCorrelation } = assess(10, (_, solutions) => ({
      scores: solutions.map(({ index, tokens }) => ({ index, score: -tokens, standardError: 0 })),
    }));
    expect(lengthCorrelation).toBeCloseTo(-1, 12);
  });

  it('leaves pairs of identical texts out of every figure', () => {
    const { kappa, auditedPairs, unreadable } = assess(5, (_, solutions) => ({
      solutions: solutions.map((solution) => ({ ...solution, text: 'same' })),
      verdicts: [{ i: 0, j: 1, forward: 1, backward: 1 }],
      audit: [{ i: 0, j: 1, forward: 1, backward: 1 }],
    }));
    expect({ kappa, auditedPairs, unreadable }).toEqual({
      kappa: undefined,
      auditedPairs: 0,
      unreadable: undefined,
    });
  });

  it('names what is wrong, and leaves the group out', () => {
    const assessment = new FidelityAssessment();
    const solutions = solutionsOf(3, seededRandom(1));
    const scores = solutions.map(({ index }) => ({ index, score: 0, standardError: 0 }));
    const request = { problemId: 'p', solutions, scores, verdicts: [], audit: [] };
    const fieldOf = (change: Partial<AssessFidelityRequest>): unknown => {
      try {
        assessment.add({ ...request, ...change });
        return undefined;
      } catch (error) {
        return error instanceof Error && 'field' in error ? error.field : error;
      }
    };
    expect(fieldOf({ scores: scores.slice(1) })).toBe('scores');
    expect(fieldOf({ scores: [...scores, { index: 0, score: 1, standardError: 0 }] })).toBe(
      'scores[3].index',
    );
    expect(fieldOf({ scores: scores.map((score) => ({ ...score, score: Infinity })) })).toBe(
      'scores[0].score',
    );
    expect(fieldOf({ audit: [{ i: 0, j: 9, forward: 1 }] })).toBe('audit[0].j');
    expect(assessment.result().groups).toBe(0);
  });
});
