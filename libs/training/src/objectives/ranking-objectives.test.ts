// What makes the objectives right that the golden vectors of test/conformance hold to their references: invariances, limits, refusals.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '@overtone/tensor';
import { createObjective, type ObjectiveSpec } from '../objective-spec.ts';
import { advantages } from './grpo.ts';
import { desirability } from './kto.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

interface Group {
  readonly scores: readonly number[];
  readonly logprobs: readonly number[];
  readonly reference: readonly number[];
  readonly tokens: readonly number[];
}

/** The tokens of solutions, each with its share of the log-probability. */
function tokensOf(chosen: readonly { readonly at: number; readonly group: Group }[]) {
  const of = (key: 'logprobs' | 'reference'): tf.Tensor1D =>
    tf.tensor1d(
      chosen.flatMap(({ at, group }) => {
        const count = group.tokens[at] ?? 0;
        return Array<number>(count).fill((group[key][at] ?? NaN) / count);
      }),
    );
  const owners = chosen.flatMap(({ at, group }, owner) => Array<number>(group.tokens[at] ?? 0).fill(owner));
  const belongs = tf.cast(tf.oneHot(tf.tensor1d(owners, 'int32'), chosen.length), 'float32') as tf.Tensor2D;
  return { logprobs: of('logprobs'), reference: of('reference'), old: of('reference'), belongs };
}

/** The loss of groups as one batch. */
function lossOf(spec: ObjectiveSpec, groups: readonly Group[]): number {
  const objective = createObjective(spec);
  const examples = groups.flatMap((group, index) => {
    const example = objective.example({ id: `g${index}`, scores: group.scores }, () => 0);
    return example === undefined ? [] : [{ ...example, group }];
  });
  const of = (key: 'logprobs' | 'reference' | 'tokens'): tf.Tensor1D =>
    tf.tensor1d(examples.flatMap(({ solutions, group }) => solutions.map((at) => group[key][at] ?? NaN)));
  return tf.tidy(() => {
    const { loss } = objective.loss({
      logprobs: of('logprobs'),
      reference: of('reference'),
      tokens: of('tokens'),
      groups: tf.scalar(examples.length),
      coefficients: Object.fromEntries(
        objective.coefficients.map((name) => [
          name,
          tf.tensor1d(examples.flatMap(({ coefficients }) => coefficients[name] ?? [])),
        ]),
      ),
      each: tokensOf(examples.flatMap(({ solutions, group }) => solutions.map((at) => ({ at, group })))),
    });
    return loss.dataSync()[0] ?? NaN;
  });
}

/** Two groups under a model that has moved away from the reference by `moved` for each solution, nats. */
const groupsMoved = (moved: readonly number[]): Group[] => [
  {
    scores: [1, 3, 0],
    reference: [-5, -5.5, -3.5],
    logprobs: [-5, -5.5, -3.5].map((value, index) => value + (moved[index] ?? 0)),
    tokens: [4, 5, 2],
  },
  {
    scores: [-1, 2],
    reference: [-7, -10],
    logprobs: [-7, -10].map((value, index) => value + (moved[3 + index] ?? 0)),
    tokens: [10, 6],
  },
];
const pairs = groupsMoved([0.3, -0.2, 0.5, -0.4, 0.1]).map((group): Group => {
  const two = (values: readonly number[]): number[] => values.slice(0, 2);
  return {
    scores: two(group.scores),
    logprobs: two(group.logprobs),
    reference: two(group.reference),
    tokens: two(group.tokens),
  };
});

const LISTWISE: Readonly<Record<string, ObjectiveSpec>> = {
  dpo: { type: 'dpo', beta: 1 },
  simpo: { type: 'simpo', beta: 2, simpoGamma: 1 },
  orpo: { type: 'orpo', beta: 0.1 },
  kto: { type: 'kto', beta: 0.1 },
  'plackett-luce': { type: 'plackett-luce', beta: 1 },
  grpo: { type: 'grpo' },
  rloo: { type: 'grpo', lossType: 'rloo' },
};

describe('objectives that rank', () => {
  it.each(Object.entries(LISTWISE))('%s has nothing to learn from equal scores', (_, spec) => {
    expect(createObjective(spec).example({ id: 'g', scores: [2, 2, 2] }, () => 0)).toBeUndefined();
    expect(createObjective(spec).example({ id: 'g', scores: [2] }, () => 0)).toBeUndefined();
  });

  it('refuse settings that are out of their range, by name', () => {
    const refused: readonly (readonly [ObjectiveSpec, RegExp])[] = [
      [{ type: 'dpo', beta: 0 }, /beta must be a positive number, got 0/],
      [{ type: 'dpo', beta: 1, scoreMargin: -1 }, /score margin/],
      [{ type: 'simpo', beta: 2, simpoGamma: NaN }, /simpoGamma/],
      [{ type: 'orpo', beta: -1 }, /beta/],
      [{ type: 'kto', beta: 1, undesirableWeight: 0 }, /undesirableWeight/],
      [{ type: 'plackett-luce', beta: Infinity }, /beta/],
      [{ type: 'grpo', epsilon: 1 }, /epsilon must lie in \(0, 1\)/],
      [{ type: 'grpo', beta: -0.1 }, /beta/],
      [{ type: 'sft', selection: 'top-k', k: 0 }, /k must be a whole number/],
    ];
    for (const [spec, message] of refused) expect(() => createObjective(spec)).toThrow(message);
  });
});

describe('Plackett–Luce', () => {
  it('of two solutions is DPO', () => {
    expect(lossOf({ type: 'plackett-luce', beta: 0.7 }, pairs)).toBeCloseTo(
      lossOf({ type: 'dpo', beta: 0.7 }, pairs),
      6,
    );
  });

  it('starts at the log of the number of orders, and does not overflow', () => {
    const start = lossOf({ type: 'plackett-luce', beta: 5 }, groupsMoved([]));
    expect(start).toBeCloseTo((Math.log(6) + Math.log(2)) / 2, 6);
    // The order is right by 5000 nats, then wrong by as many.
    expect(lossOf({ type: 'plackett-luce', beta: 5 }, groupsMoved([0, 1000, -1000, 0, 1000]))).toBe(0);
    expect(lossOf({ type: 'plackett-luce', beta: 5 }, groupsMoved([0, -1000, 1000, 1000, 0]))).toBeCloseTo(
      (10_000 + 5000 + 5000) / 2,
      0,
    );
  });
});

describe('length-normalised DPO', () => {
  it('is DPO of completions of one token', () => {
    const short = pairs.map((group) => ({ ...group, tokens: [1, 1] }));
    expect(lossOf({ type: 'dpo', beta: 0.7, lossType: 'sigmoid_norm' }, short)).toBeCloseTo(
      lossOf({ type: 'dpo', beta: 0.7 }, short),
      6,
    );
  });
});

describe('KTO', () => {
  it('calls desirable what scores above the mean of its group', () => {
    expect(desirability([1, 3, 0])).toEqual([-1, 1, -1]);
    expect(desirability([0.1, 0.2, 0.3])).toEqual([-1, 0, 1]);
    expect(desirability([5, 5])).toEqual([0, 0]);
  });

  it('starts at half of the weights', () => {
    expect(lossOf({ type: 'kto', beta: 0.1 }, groupsMoved([]))).toBeCloseTo(0.5, 6);
  });
});

describe('advantages', () => {
  const group = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 2, maxLength: 16 });

  it('sum to zero, keep the order, and do not change when all scores rise alike', () => {
    fc.assert(
      fc.property(
        group,
        fc.constantFrom('dapo' as const, 'grpo' as const, 'rloo' as const, 'dr_grpo' as const),
        (scores, type) => {
          const found = advantages(type, scores);
          expect(found.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 6);
          const raised = advantages(
            type,
            scores.map((score) => score + 7),
          );
          found.forEach((value, index) => expect(raised[index]).toBeCloseTo(value, 5));
          scores.forEach((one, i) =>
            scores.forEach((other, j) => {
              if (one > other) expect(found[i]).toBeGreaterThanOrEqual(found[j] ?? NaN);
            }),
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  it('are those of their papers', () => {
    // Mean 2, standard deviation with n − 1: √2.
    expect(advantages('dr_grpo', [1, 3])).toEqual([-1, 1]);
    expect(advantages('rloo', [1, 3])).toEqual([-2, 2]);
    expect(advantages('grpo', [1, 3])[1]).toBeCloseTo(1 / (Math.SQRT2 + 1e-4), 12);
  });

  it('have no loss where the model is the reference, and no more to gain outside of the clipped range', () => {
    for (const lossType of ['grpo', 'rloo'] as const) {
      const spec = { type: 'grpo', lossType, epsilon: 0.2 } as const;
      expect(lossOf(spec, groupsMoved([]))).toBeCloseTo(0, 6);
      const far = lossOf(spec, groupsMoved([-40, 40, -40, -40, 40]));
      expect(far).toBeCloseTo(lossOf(spec, groupsMoved([-80, 80, -80, -80, 80])), 6);
      expect(far).toBeLessThan(0);
    }
  });
});

describe('ratios of tokens and of solutions', () => {
  const moved = [1.2, -0.8, 0.3, -2, 1.5];

  it('are the same where the tokens of a solution have moved alike, but rloo multiplies them', () => {
    for (const lossType of ['dapo', 'grpo', 'dr_grpo'] as const) {
      const loss = (importanceSamplingLevel: 'token' | 'sequence'): number =>
        lossOf({ type: 'grpo', lossType, importanceSamplingLevel, beta: 0.1 }, groupsMoved(moved));
      expect(loss('token')).toBeCloseTo(loss('sequence'), 6);
    }
    expect(() =>
      createObjective({ type: 'grpo', lossType: 'rloo', importanceSamplingLevel: 'token' }),
    ).toThrow(/importanceSamplingLevel is token, but rloo/);
  });

  it('are averaged over tokens by dapo and bnpo, over solutions by grpo: the same where all are as long', () => {
    const loss = (lossType: 'dapo' | 'bnpo' | 'grpo', groups: readonly Group[]): number =>
      lossOf({ type: 'grpo', lossType }, groups);
    const alike = groupsMoved(moved).map((group) => ({ ...group, tokens: group.tokens.map(() => 5) }));
    expect(loss('dapo', alike)).toBeCloseTo(loss('grpo', alike), 6);
    expect(loss('bnpo', groupsMoved(moved))).toBe(loss('dapo', groupsMoved(moved)));
    expect(Math.abs(loss('dapo', groupsMoved(moved)) - loss('grpo', groupsMoved(moved)))).toBeGreaterThan(
      0.01,
    );
  });
});

describe('SFT on the top k', () => {
  it('takes the k best, the first of equals, all where there are no more', () => {
    const chosen = (k: number, scores: readonly number[]): readonly number[] | undefined =>
      createObjective({ type: 'sft', selection: 'top-k', k }).example({ id: 'g', scores }, () => 0)
        ?.solutions;
    expect(chosen(2, [1, 3, 3, 0])).toEqual([1, 2]);
    expect(chosen(3, [3, 1, 0, 1])).toEqual([0, 1, 3]);
    expect(chosen(1, [2, 2])).toEqual([0]);
    expect(chosen(5, [1, 2])).toEqual([0, 1]);
  });
});
