import { type PairVerdict, ScoreMethod, type SignalSpec, type Solution } from '@overtone/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPairwise, scoreGroup } from './score-group.ts';

const solution = (index: number, text = `solution ${index}`, rest: Partial<Solution> = {}): Solution => ({
  index,
  text,
  meanEntropy: 0.5,
  meanLogprob: -0.5,
  tokens: 10,
  ...rest,
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
const values = (...input: Parameters<typeof scoreGroup>): number[] =>
  scoreGroup(...input).map(({ score }) => score);

const WINS = signal(ScoreMethod.SCORE_METHOD_WINS);
const BRADLEY_TERRY = signal(ScoreMethod.SCORE_METHOD_BRADLEY_TERRY);
const three = [solution(0), solution(1), solution(2)];

/** A group whose texts may coincide, with verdicts on some of its pairs, some unreadable. */
const groups = fc.integer({ min: 2, max: 8 }).chain((size) =>
  fc.record({
    problemId: fc.constant('p'),
    solutions: fc
      .array(
        fc.record({
          text: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
          tokens: fc.integer({ min: 1, max: 50 }),
        }),
        {
          minLength: size,
          maxLength: size,
        },
      )
      .map((texts) =>
        texts.map(({ text, tokens }, index) =>
          solution(index, text, {
            tokens,
            meanEntropy: text.charCodeAt(0) / 100,
            topEntropy: text.charCodeAt(0) / 50,
          }),
        ),
      ),
    verdicts: fc
      .tuple(
        ...Array.from({ length: (size * (size - 1)) / 2 }, () =>
          fc.record({
            forward: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
            backward: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
          }),
        ),
      )
      .map((probabilities) => {
        const pairs = Array.from({ length: size }, (_, i) =>
          Array.from({ length: size - 1 - i }, (_, offset) => ({ i, j: i + 1 + offset })),
        ).flat();
        return pairs.map((pair, position) => ({ ...pair, ...probabilities[position] }));
      }),
  }),
);

const methods = [
  ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY,
  ScoreMethod.SCORE_METHOD_WINS,
  ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
  ScoreMethod.SCORE_METHOD_RANDOM,
  ScoreMethod.SCORE_METHOD_BREVITY,
  ScoreMethod.SCORE_METHOD_INVERSE_TOP_ENTROPY,
  ScoreMethod.SCORE_METHOD_MEAN_LOGPROB,
];

describe.each(methods)('method %i', (method) => {
  it('gives identical texts one score, the opposite when reversed, and does not depend on the order of the solutions', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const scores = scoreGroup(group, signal(method));
        expect(scores.map(({ index }) => index)).toEqual(group.solutions.map(({ index }) => index));
        const byText = new Map<string, number>();
        scores.forEach(({ score, standardError }, position) => {
          const text = group.solutions[position]?.text ?? '';
          expect(Number.isFinite(score)).toBe(true);
          expect(standardError).toBeGreaterThanOrEqual(0);
          expect(byText.get(text) ?? score).toBe(score);
          byText.set(text, score);
        });
        const reversed = scoreGroup(group, signal(method, { reversed: true }));
        reversed.forEach(({ score }, position) => expect(score).toBe(0 - (scores[position]?.score ?? 0)));
        const backwards = scoreGroup(
          { ...group, solutions: group.solutions.toReversed() },
          signal(method),
        ).toReversed();
        backwards.forEach(({ score }, position) =>
          expect(score).toBeCloseTo(scores[position]?.score ?? 0, 8),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('wins', () => {
  it('counts 1 for a win and one half for a tie', () => {
    const verdicts = [both(0, 1, 0.9), both(0, 2, 0.5), both(1, 2, 0.2)];
    expect(values({ problemId: 'p', solutions: three, verdicts }, WINS)).toEqual([1.5, 0, 1.5]);
  });

  it('hands out n(n − 1)/2 wins in all', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const total = values(group, WINS).reduce((sum, score) => sum + score, 0);
        expect(total).toBeCloseTo((group.solutions.length * (group.solutions.length - 1)) / 2, 9);
      }),
    );
  });

  it('makes a tie of a judge that favours the place shown first, and of an unreadable pair', () => {
    const verdicts = [
      { i: 0, j: 1, forward: 1, backward: 0 },
      { i: 0, j: 2 },
      { i: 1, j: 2, forward: 0.7 },
    ];
    expect(values({ problemId: 'p', solutions: three, verdicts }, WINS)).toEqual([1, 1.5, 0.5]);
  });

  it('counts the wins over every duplicate of a text', () => {
    const solutions = [solution(0, 'good'), solution(1, 'bad'), solution(2, 'bad'), solution(3, 'good')];
    expect(values({ problemId: 'p', solutions, verdicts: [both(0, 1, 0.9)] }, WINS)).toEqual([
      2.5, 0.5, 0.5, 2.5,
    ]);
  });
});

describe('Bradley–Terry', () => {
  it('orders solutions by how surely they win, and says how well it knows', () => {
    const verdicts = [both(0, 1, 0.9), both(0, 2, 0.6), both(1, 2, 0.2)];
    const scores = scoreGroup(
      { problemId: 'p', solutions: [...three, solution(3)], verdicts },
      BRADLEY_TERRY,
    );
    const [first = 0, second = 0, third = 0, unseen = 1] = scores.map(({ score }) => score);
    expect(first).toBeGreaterThan(third);
    expect(third).toBeGreaterThan(second);
    expect(unseen).toBeCloseTo(0, 9);
    expect(scores[3]?.standardError).toBeCloseTo(1, 9);
    expect(scores[0]?.standardError).toBeLessThan(1);
  });

  it('orders by the verdicts alone where a plan has left pairs out, on the scale that all pairs have', () => {
    // A chain: every text just beats the next. A prior that counted would draw the ends in.
    const size = 8;
    const solutions = Array.from({ length: size }, (_, index) => solution(index));
    const preference = (i: number, j: number): number => 1 / (1 + Math.exp(i - j));
    const all = solutions.flatMap(({ index: i }) =>
      solutions.slice(i + 1).map(({ index: j }) => both(i, j, preference(i, j))),
    );
    const chain = all.filter(({ i, j }) => j === i + 1);
    const full = values({ problemId: 'p', solutions, verdicts: all }, BRADLEY_TERRY);
    const partial = values({ problemId: 'p', solutions, verdicts: chain }, BRADLEY_TERRY);
    partial.forEach((score, index) => expect(score).toBeCloseTo(full[index] ?? NaN, 0));
    expect(partial).toEqual(partial.toSorted((a, b) => b - a));
    const errors = (verdicts: PairVerdict[]): number =>
      scoreGroup({ problemId: 'p', solutions, verdicts }, BRADLEY_TERRY)[3]?.standardError ?? 0;
    expect(errors(chain)).toBeGreaterThan(errors(all));
  });

  it('gives identical texts alone the same score', () => {
    const solutions = [solution(0, 'same'), solution(1, 'same')];
    expect(values({ problemId: 'p', solutions }, BRADLEY_TERRY)).toEqual([0, 0]);
    expect(values({ problemId: 'p', solutions }, WINS)).toEqual([0.5, 0.5]);
  });
});

describe('methods without a judge', () => {
  it('inverse entropy is 1 / mean entropy, bounded where entropy vanishes', () => {
    const solutions = [
      solution(0, 'a', { meanEntropy: 0.25 }),
      solution(1, 'b', { meanEntropy: 2 }),
      solution(2, 'c', { meanEntropy: 0 }),
    ];
    expect(values({ problemId: 'p', solutions }, signal(ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY))).toEqual([
      4, 0.5, 1e6,
    ]);
  });

  it('inverse top entropy is 1 / mean entropy of the most uncertain tokens', () => {
    const solutions = [solution(0, 'a', { topEntropy: 0.5 }), solution(1, 'b', { topEntropy: 4 })];
    const spec = signal(ScoreMethod.SCORE_METHOD_INVERSE_TOP_ENTROPY);
    expect(values({ problemId: 'p', solutions }, spec)).toEqual([2, 0.25]);
    expect(() => scoreGroup({ problemId: 'p', solutions: [solution(0)] }, spec)).toThrow(
      /solutions\[0\]\.top_entropy: is missing/,
    );
  });

  it('mean log-probability is what it says', () => {
    const solutions = [solution(0, 'a', { meanLogprob: -0.5 }), solution(1, 'b', { meanLogprob: -2 })];
    const spec = signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB);
    expect(values({ problemId: 'p', solutions }, spec)).toEqual([-0.5, -2]);
  });

  it('brevity prefers fewer tokens', () => {
    const solutions = [solution(0, 'a', { tokens: 5 }), solution(1, 'b', { tokens: 50 })];
    expect(values({ problemId: 'p', solutions }, signal(ScoreMethod.SCORE_METHOD_BREVITY))).toEqual([
      -5, -50,
    ]);
  });

  it('random depends on seed and problem alone', () => {
    const random = (seed: number, problemId: string): number[] =>
      values({ problemId, solutions: three }, signal(ScoreMethod.SCORE_METHOD_RANDOM, { seed }));
    expect(random(1, 'p')).toEqual(random(1, 'p'));
    expect(random(2, 'p')).not.toEqual(random(1, 'p'));
    expect(random(1, 'q')).not.toEqual(random(1, 'p'));
  });

  it('need one solution only', () => {
    for (const method of methods.filter((method) => !isPairwise(method))) {
      expect(
        scoreGroup({ problemId: 'p', solutions: [solution(0, 'a', { topEntropy: 1 })] }, signal(method)),
      ).toHaveLength(1);
    }
  });
});

describe('bad input', () => {
  const entropy = signal(ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY);
  it.each([
    ['problem_id', { problemId: '', solutions: three }, entropy],
    ['solutions', { problemId: 'p', solutions: [] }, entropy],
    ['solutions[1].index', { problemId: 'p', solutions: [solution(0), solution(0, 'other')] }, entropy],
    [
      'solutions[0].mean_entropy',
      { problemId: 'p', solutions: [solution(0, 'a', { meanEntropy: -1 })] },
      entropy,
    ],
    [
      'solutions[0].mean_entropy',
      { problemId: 'p', solutions: [solution(0, 'a', { meanEntropy: 0 })] },
      entropy,
    ],
    [
      'solutions[0].mean_logprob',
      { problemId: 'p', solutions: [solution(0, 'a', { meanLogprob: 0.1 })] },
      signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB),
    ],
    [
      'solutions[0].mean_logprob',
      { problemId: 'p', solutions: [solution(0, 'a', { meanLogprob: 0 })] },
      signal(ScoreMethod.SCORE_METHOD_MEAN_LOGPROB),
    ],
    ['signal.method', { problemId: 'p', solutions: three }, signal(ScoreMethod.SCORE_METHOD_UNSPECIFIED)],
    ['solutions', { problemId: 'p', solutions: [solution(0)] }, WINS],
    ['verdicts', { problemId: 'p', solutions: three }, BRADLEY_TERRY],
    ['verdicts[1].j', { problemId: 'p', solutions: three, verdicts: [both(0, 1, 1), both(0, 3, 1)] }, WINS],
    ['verdicts[0]', { problemId: 'p', solutions: three, verdicts: [both(1, 0, 1)] }, WINS],
    ['verdicts[0]', { problemId: 'p', solutions: three, verdicts: [both(1, 1, 1)] }, WINS],
    ['verdicts[1]', { problemId: 'p', solutions: three, verdicts: [both(0, 1, 1), both(0, 1, 0)] }, WINS],
    ['verdicts[0].forward', { problemId: 'p', solutions: three, verdicts: [both(0, 1, 1.5)] }, WINS],
    [
      'verdicts[0].backward',
      { problemId: 'p', solutions: three, verdicts: [{ i: 0, j: 1, backward: Number.NaN }] },
      WINS,
    ],
  ])('names %s', (field, input, spec) => {
    expect(() => scoreGroup(input, spec)).toThrow(expect.objectContaining({ name: 'InvalidInput', field }));
  });
});
