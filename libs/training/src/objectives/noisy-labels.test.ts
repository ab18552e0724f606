// Objectives under labels that may be wrong: against an independent transcription of their formulas in PyTorch (float64, autograd;
// DPO's as TRL writes them), and by what makes each of them right.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '@overtone/statistics';
import '@overtone/tensor';
import { createObjective, type ObjectiveSpec } from '../objective-spec.ts';
import { softmaxWeights } from './softmax-weights.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

interface Group {
  readonly scores: readonly number[];
  readonly logprobs: readonly number[];
  readonly reference: readonly number[];
  readonly tokens: readonly number[];
}

const GROUPS: readonly Group[] = [
  { scores: [1, 3, 0], logprobs: [-4, -6, -3], reference: [-5, -5.5, -3.5], tokens: [4, 5, 2] },
  { scores: [-1, 2], logprobs: [-8, -9], reference: [-7, -10], tokens: [10, 6] },
];

/** The loss, and its gradient with respect to every solution's log-probability, group by group. */
function evaluate(spec: ObjectiveSpec, groups = GROUPS): { loss: number; gradient: number[][] } {
  const objective = createObjective(spec);
  const examples = groups.map((group, index) => {
    const example = objective.example({ id: `g${index}`, scores: group.scores }, seededRandom(index));
    if (!example) throw new Error('expected something to learn from');
    return { ...example, group };
  });
  const of = (key: 'logprobs' | 'reference' | 'tokens'): number[] =>
    examples.flatMap(({ solutions, group }) => solutions.map((index) => group[key][index] ?? NaN));
  return tf.tidy(() => {
    const { value, grad } = tf.valueAndGrad(
      (logprobs) =>
        objective.loss({
          logprobs: logprobs as tf.Tensor1D,
          reference: tf.tensor1d(of('reference')),
          tokens: tf.tensor1d(of('tokens')),
          groups: tf.scalar(groups.length),
          coefficients: Object.fromEntries(
            objective.coefficients.map((name) => [
              name,
              tf.tensor1d(examples.flatMap(({ coefficients }) => [...(coefficients[name] ?? [])])),
            ]),
          ),
        }).loss,
    )(tf.tensor1d(of('logprobs')));
    const places = [...grad.dataSync()];
    const gradient = examples.map(({ solutions, group }) => {
      const own = group.scores.map(() => 0);
      for (const index of solutions) own[index] = places.shift() ?? NaN;
      return own;
    });
    return { loss: value.dataSync()[0] ?? NaN, gradient };
  });
}

const GOLDEN: readonly { spec: ObjectiveSpec; loss: number; gradient: number[][] }[] = [
  {
    spec: { type: 'sft', selection: 'weighted' },
    loss: 1.3332282509811322,
    gradient: [
      [-0.010429282418267861, -0.07706255286017233, -0.003836718587851529],
      [-0.004331336413153328, -0.08699721745313842],
    ],
  },
  {
    spec: { type: 'dpo', beta: 0.7, labelSmoothing: 0.1 },
    loss: 0.6968017294019545,
    gradient: [
      [0, -0.1988657202588581, 0.1988657202588581],
      [0.03423563900449639, -0.03423563900449639],
    ],
  },
  {
    spec: { type: 'dpo', beta: 0.7, labelSmoothing: 0.35 },
    loss: 0.7843017294019545,
    gradient: [
      [0, -0.1113657202588581, 0.1113657202588581],
      [-0.05326436099550359, 0.05326436099550359],
    ],
  },
  {
    spec: { type: 'dpo', beta: 0.7, lossType: 'robust', labelSmoothing: 0.1 },
    loss: 0.6180517294019545,
    gradient: [
      [0, -0.2776157202588581, 0.2776157202588581],
      [0.11298563900449637, -0.11298563900449637],
    ],
  },
  {
    spec: { type: 'dpo', beta: 0.7, lossType: 'robust', labelSmoothing: 0.35 },
    loss: 0.25346839606862104,
    gradient: [
      [0, -0.6421990535921913, 0.6421990535921913],
      [0.47756897233782963, -0.47756897233782963],
    ],
  },
  {
    spec: { type: 'rrhf', rankWeight: 0.3, bradleyTerryWeights: false, labelSmoothing: 0.2 },
    loss: 1.337282934369502,
    gradient: [
      [-0.014274399923074312, -0.12037947344813396, 0.07949748346648348],
      [0.006628706341121659, -0.09438117723520278],
    ],
  },
  {
    spec: { type: 'rrhf', rankWeight: 0.3, bradleyTerryWeights: true, labelSmoothing: 0.2 },
    loss: 1.3455323143003615,
    gradient: [
      [-0.01090528368774707, -0.11738015513453963, 0.0652609552118432],
      [0.006201873482523561, -0.09366978913753927],
    ],
  },
];

describe('loss and gradient equal an independent transcription', () => {
  for (const { spec, loss, gradient } of GOLDEN) {
    it(JSON.stringify(spec), () => {
      const found = evaluate(spec);
      expect(found.loss).toBeCloseTo(loss, 5);
      found.gradient
        .flat()
        .forEach((value, index) => expect(value).toBeCloseTo(gradient.flat()[index] ?? NaN, 6));
    });
  }
});

/** The same groups with every preference turned round. */
const FLIPPED = GROUPS.map((group) => ({ ...group, scores: group.scores.map((score) => -score) }));

describe('under labels that are flipped with probability ε', () => {
  for (const labelSmoothing of [0.05, 0.2, 0.45]) {
    it(`robust DPO is expected to be DPO on the true ones, ε ${labelSmoothing}`, () => {
      const spec = { type: 'dpo', beta: 0.7, lossType: 'robust', labelSmoothing } as const;
      const [kept, flipped] = [evaluate(spec), evaluate(spec, FLIPPED)];
      const expected = evaluate({ type: 'dpo', beta: 0.7 }).loss;
      expect((1 - labelSmoothing) * kept.loss + labelSmoothing * flipped.loss).toBeCloseTo(expected, 5);
    });

    it(`conservative DPO is the expectation of DPO over flips, ε ${labelSmoothing}`, () => {
      const [kept, flipped] = [GROUPS, FLIPPED].map(
        (groups) => evaluate({ type: 'dpo', beta: 0.7 }, groups).loss,
      );
      const smoothed = evaluate({ type: 'dpo', beta: 0.7, labelSmoothing }).loss;
      expect(smoothed).toBeCloseTo(
        (1 - labelSmoothing) * (kept ?? NaN) + labelSmoothing * (flipped ?? NaN),
        5,
      );
    });
  }

  it('the less a preference says, the less DPO and RRHF rank by it', () => {
    const rank = (labelSmoothing: number): number => {
      const [gradient = []] = evaluate({ type: 'dpo', beta: 0.01, labelSmoothing }).gradient;
      return Math.hypot(...gradient);
    };
    expect(rank(0.2) / rank(0)).toBeCloseTo(0.6, 2);
    expect(rank(0.4) / rank(0)).toBeCloseTo(0.2, 2);
    expect(() => createObjective({ type: 'dpo', beta: 1, labelSmoothing: 0.5 })).toThrow(/\[0, 0\.5\)/);
    expect(() =>
      createObjective({ type: 'rrhf', rankWeight: 1, bradleyTerryWeights: true, labelSmoothing: -0.1 }),
    ).toThrow(RangeError);
  });
});

describe('weighted SFT', () => {
  it('gives every group one vote, whatever its scores, and orders the weights as they are ordered', () => {
    const score = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 16 }), (scores) => {
        const weights = softmaxWeights(scores);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        scores.forEach((one, i) =>
          scores.forEach((other, j) => {
            if (one >= other) expect(weights[i]).toBeGreaterThanOrEqual(weights[j] ?? NaN);
          }),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('is SFT on all where scores are equal, and on the best where it is far ahead', () => {
    const scaled = (factor: number) =>
      GROUPS.map((group) => ({ ...group, scores: group.scores.map((score) => factor * score) }));
    const weighted = { type: 'sft', selection: 'weighted' } as const;
    // With equal weights a solution counts once for each group, as long as groups are of one size.
    const single = scaled(0).slice(0, 1);
    expect(evaluate(weighted, single).loss).toBeCloseTo(
      evaluate({ type: 'sft', selection: 'all' }, single).loss,
      6,
    );
    expect(evaluate(weighted, scaled(1000)).loss).toBeCloseTo(
      evaluate({ type: 'sft', selection: 'best' }).loss,
      6,
    );
  });
});
