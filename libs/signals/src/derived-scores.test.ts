import { type PairVerdict, ScoreMethod, type SignalSpec, type Solution } from '@overtone/contracts';
import { pearson, seededRandom } from '@overtone/statistics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PanelReliability } from './panel-reliability.ts';
import { scoreGroup, type ScoreGroupInput } from './score-group.ts';

const solution = (index: number, tokens = 10): Solution => ({
  index,
  text: `solution ${index}`,
  meanEntropy: 0.5,
  meanLogprob: -0.5 - index,
  tokens,
});
const signal = (method: ScoreMethod, rest: Partial<SignalSpec> = {}): SignalSpec => ({
  method,
  reversed: false,
  seed: 1,
  residualiseLength: false,
  ...rest,
});
const both = (i: number, j: number, preference: number): PairVerdict => ({
  i,
  j,
  forward: preference,
  backward: preference,
});
const values = (input: Omit<ScoreGroupInput, 'problemId'>, spec: SignalSpec): number[] =>
  scoreGroup({ problemId: 'p', ...input }, spec).map(({ score }) => score);

const PANEL = signal(ScoreMethod.SCORE_METHOD_PANEL);
const COMBINATION = signal(ScoreMethod.SCORE_METHOD_COMBINATION);
const BRADLEY_TERRY = signal(ScoreMethod.SCORE_METHOD_BRADLEY_TERRY);
const four = [0, 1, 2, 3].map((index) => solution(index));

const verdictsOfFour = fc
  .array(fc.double({ min: 0.002, max: 0.998, noNaN: true }), { minLength: 6, maxLength: 6 })
  .map((preferences) =>
    [both(0, 1, 0), both(0, 2, 0), both(0, 3, 0), both(1, 2, 0), both(1, 3, 0), both(2, 3, 0)].map(
      ({ i, j }, place) => both(i, j, preferences[place] ?? 0.5),
    ),
  );

describe('length-residualised scores', () => {
  it('have no linear correlation with length, and keep their mean', () => {
    const groups = fc.array(
      fc.record({
        tokens: fc.integer({ min: 1, max: 500 }),
        logprob: fc.double({ min: -9, max: -0.1, noNaN: true }),
      }),
      { minLength: 3, maxLength: 12 },
    );
    fc.assert(
      fc.property(groups, (drawn) => {
        const solutions = drawn.map(({ tokens, logprob }, index) => ({
          ...solution(index, tokens),
          meanLogprob: logprob,
        }));
        const spec = signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB, { residualiseLength: true });
        const residuals = values({ solutions }, spec);
        const tokens = drawn.map((one) => one.tokens);
        const covariance = residuals.reduce(
          (sum, residual, place) => sum + residual * ((tokens[place] ?? 0) - mean(tokens)),
          0,
        );
        expect(Math.abs(covariance)).toBeLessThan(1e-6 * tokens.length * Math.max(...tokens));
        expect(mean(residuals)).toBeCloseTo(mean(drawn.map(({ logprob }) => logprob)), 9);
      }),
    );
  });

  it('are what they were where all are equally long, and reverse like others', () => {
    const raw = values({ solutions: four }, signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB));
    const spec = { residualiseLength: true };
    expect(values({ solutions: four }, signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB, spec))).toEqual(raw);
    const uneven = four.map((one, index) => ({ ...one, tokens: [3, 9, 4, 30][index] ?? 0 }));
    const forward = values({ solutions: uneven }, signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB, spec));
    const backward = signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB, { ...spec, reversed: true });
    expect(values({ solutions: uneven }, backward)).toEqual(forward.map((score) => -score));
    expect(Math.abs(pearson(forward, [3, 9, 4, 30]) ?? 1)).toBeLessThan(1e-9);
  });
});

describe('a panel', () => {
  it('of one judge of reliability 1 is that judge', () => {
    fc.assert(
      fc.property(verdictsOfFour, (verdicts) => {
        const alone = values({ solutions: four, verdicts }, BRADLEY_TERRY);
        const panel = values({ solutions: four, panel: [{ judge: 'a', reliability: 1, verdicts }] }, PANEL);
        panel.forEach((score, index) => expect(score).toBeCloseTo(alone[index] ?? NaN, 8));
      }),
      { numRuns: 50 },
    );
  });

  it('ignores a judge of reliability 0 and turns one round whose reliability is negative', () => {
    fc.assert(
      fc.property(verdictsOfFour, verdictsOfFour, (good, other) => {
        const panel = (reliability: number, verdicts: PairVerdict[]): number[] =>
          values(
            {
              solutions: four,
              panel: [
                { judge: 'good', reliability: 0.5, verdicts: good },
                { judge: 'other', reliability, verdicts },
              ],
            },
            PANEL,
          );
        const alone = values(
          { solutions: four, panel: [{ judge: 'a', reliability: 0.5, verdicts: good }] },
          PANEL,
        );
        panel(0, other).forEach((score, index) => expect(score).toBeCloseTo(alone[index] ?? NaN, 8));
        const turned = other.map(({ i, j, forward = 0 }) => both(i, j, 1 - forward));
        const mirrored = panel(0.7, turned);
        panel(-0.7, other).forEach((score, index) => expect(score).toBeCloseTo(mirrored[index] ?? NaN, 7));
      }),
      { numRuns: 50 },
    );
  });

  it('lets the more reliable judge decide', () => {
    const panel = [
      { judge: 'good', reliability: 1, verdicts: [both(0, 1, 0.8)] },
      { judge: 'bad', reliability: 0.2, verdicts: [both(0, 1, 0.05)] },
    ];
    const [first = 0, second = 0] = values({ solutions: four.slice(0, 2), panel }, PANEL);
    expect(first).toBeGreaterThan(second);
  });

  it.each([
    ['panel', []],
    [
      'panel[1].judge',
      [
        { judge: 'a', reliability: 1, verdicts: [] },
        { judge: 'a', reliability: 1, verdicts: [] },
      ],
    ],
    ['panel[0].judge', [{ judge: '', reliability: 1, verdicts: [] }]],
    ['panel[0].reliability', [{ judge: 'a', reliability: Number.NaN, verdicts: [] }]],
    ['panel[0].verdicts[0].j', [{ judge: 'a', reliability: 1, verdicts: [both(0, 9, 1)] }]],
    ['panel[0].verdicts', [{ judge: 'a', reliability: 1, verdicts: [] }]],
  ])('names %s', (field, panel) => {
    expect(() => values({ solutions: four, panel }, PANEL)).toThrow(expect.objectContaining({ field }));
  });
});

describe('the reliability of a panel', () => {
  /** Groups of four whose lower indices are better; a judge is right as often as it is accurate. */
  function reliabilities(accuracies: Record<string, number>, groups: number) {
    const random = seededRandom('panel');
    const panel = new PanelReliability();
    for (let group = 0; group < groups; group++) {
      panel.add({
        problemId: `p${group}`,
        solutions: four,
        panel: Object.entries(accuracies).map(([judge, accuracy]) => ({
          judge,
          reliability: Number.NaN,
          verdicts: [both(0, 1, 0), both(0, 2, 0), both(1, 3, 0)].map(({ i, j }) =>
            both(i, j, random() < accuracy ? 0.9 : 0.1),
          ),
        })),
      });
    }
    return panel.result().judges;
  }

  it('orders judges by how often they are right, and finds the one that is wrong more often than not', () => {
    const judges = reliabilities({ fair: 0.7, good: 0.9, wrong: 0.3, guessing: 0.5 }, 400);
    expect(judges.map(({ judge }) => judge)).toEqual(['fair', 'good', 'wrong', 'guessing']);
    expect(judges.map(({ pairs }) => pairs)).toEqual([1200, 1200, 1200, 1200]);
    const [fair = 0, good = 0, wrong = 0, guessing = 1] = judges.map(({ reliability }) => reliability);
    // A verdict of 0.9 is worth its word when it is right nine times out of ten.
    expect(Math.abs(good - 1)).toBeLessThan(0.25);
    expect(Math.abs(fair - Math.log(7 / 3) / Math.log(9))).toBeLessThan(0.12);
    expect(Math.abs(guessing)).toBeLessThan(0.12);
    expect(wrong).toBeLessThan(-0.2);
  });

  it('keeps a bounded sample of a long stream, and is the same every time', () => {
    const once = reliabilities({ a: 0.8, b: 0.7, c: 0.6 }, 8000);
    expect(once[0]?.pairs).toBe(24_000);
    expect(once).toEqual(reliabilities({ a: 0.8, b: 0.7, c: 0.6 }, 8000));
  });

  it('is 1 for a judge without company, and refuses what makes no sense', () => {
    expect(reliabilities({ alone: 0.2 }, 5)).toEqual([{ judge: 'alone', reliability: 1, pairs: 0 }]);
    const panel = new PanelReliability();
    const request = { problemId: 'p', solutions: four, panel: [] };
    expect(() => panel.add(request)).toThrow(/^panel: is empty/);
    const bad = [{ judge: 'a', reliability: 1, verdicts: [both(0, 1, 2)] }];
    expect(() => panel.add({ ...request, panel: bad })).toThrow(/^panel\[0\]\.verdicts\[0\]\.forward/);
  });
});

describe('a combination', () => {
  const component = (weight: number, scores: number[]) => ({
    weight,
    scores: scores.map((score, index) => ({ index, score, standardError: 0.5 })),
  });

  it('adds up standardised scores by weight, whatever their units', () => {
    const [a, b] = [
      [1, 2, 3, 6],
      [0.1, 0.4, 0.2, 0.3],
    ];
    const standard = (scores: number[]): number[] => {
      const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean(scores)) ** 2, 0) / 3);
      return scores.map((score) => (score - mean(scores)) / deviation);
    };
    const expected = standard(a).map((score, place) => 2 * score - 0.5 * (standard(b)[place] ?? 0));
    const rescaled = a.map((score) => 1000 * score - 7);
    for (const own of [a, rescaled]) {
      const combined = values(
        { solutions: four, components: [component(2, own), component(-0.5, b)] },
        COMBINATION,
      );
      combined.forEach((score, place) => expect(score).toBeCloseTo(expected[place] ?? NaN, 9));
    }
  });

  it('leaves out a signal that says nothing', () => {
    const components = [component(1, [1, 2, 3, 4]), component(9, [5, 5, 5, 5])];
    const [alone, with_] = [components.slice(0, 1), components].map((used) =>
      scoreGroup({ problemId: 'p', solutions: four, components: used }, COMBINATION),
    );
    expect(with_).toEqual(alone);
    expect(alone?.[0]?.standardError).toBeCloseTo(0.5 / Math.sqrt(5 / 3), 9);
  });

  it.each([
    ['components', []],
    ['components[0].weight', [component(0, [1, 2, 3, 4])]],
    ['components[0].weight', [component(Number.NaN, [1, 2, 3, 4])]],
    ['components[1].scores', [component(1, [1, 2, 3, 4]), component(1, [1])]],
    ['components[0].scores[1].score', [component(1, [1, Infinity, 3, 4])]],
    [
      'components[0].scores[1].index',
      [{ weight: 1, scores: [0, 0, 1, 2].map((index) => ({ index, score: 1, standardError: 0 })) }],
    ],
  ])('names %s', (field, components) => {
    expect(() => values({ solutions: four, components }, COMBINATION)).toThrow(
      expect.objectContaining({ field }),
    );
  });
});

function mean(some: readonly number[]): number {
  return some.reduce((sum, value) => sum + value, 0) / some.length;
}
