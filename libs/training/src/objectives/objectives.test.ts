import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '@overtone/statistics';
import { dpo, rrhf, sft, type Example, type Objective } from './index.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Scores of the solutions of two groups, with their completion log-probabilities (nats), reference and tokens. */
const groups = [
  { scores: [1, 3, 0], logprobs: [-4, -6, -3], reference: [-5, -5.5, -3.5], tokens: [4, 5, 2] },
  { scores: [-1, 2], logprobs: [-8, -9], reference: [-7, -10], tokens: [10, 6] },
];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The loss and metrics of the groups, in a batch with two unused places. */
function evaluate(objective: Objective): Record<string, number> {
  const examples = groups.map(({ scores }, index) => {
    const example = objective.example({ id: `g${index}`, scores }, seededRandom(index));
    if (!example) throw new Error('expected something to learn from');
    return { example, group: groups[index] ?? groups[0] };
  });
  const places = (unused: number, values: (group: (typeof groups)[0], example: Example) => number[]) =>
    tf.tensor1d([
      ...examples.flatMap(({ example, group }) => (group ? values(group, example) : [])),
      unused,
      unused,
    ]);
  const of = (key: 'logprobs' | 'reference' | 'tokens', unused: number): tf.Tensor1D =>
    places(unused, (group, { solutions }) => solutions.map((index) => group[key][index] ?? NaN));
  return tf.tidy(() => {
    const { loss, metrics } = objective.loss({
      logprobs: of('logprobs', 0),
      reference: of('reference', 0),
      tokens: of('tokens', 1),
      groups: tf.scalar(groups.length),
      coefficients: Object.fromEntries(
        objective.coefficients.map((name) => [
          name,
          places(0, (_, example) => [...(example.coefficients[name] ?? [])]),
        ]),
      ),
    });
    return Object.fromEntries(
      Object.entries({ loss, ...metrics }).map(([name, value]) => [name, value.dataSync()[0] ?? NaN]),
    );
  });
}

describe('SFT', () => {
  it('is the negative log-likelihood per completion token of the chosen solutions', () => {
    expect(evaluate(sft({ selection: 'all' }))['loss']).toBeCloseTo(
      (4 + 6 + 3 + 8 + 9) / (4 + 5 + 2 + 10 + 6),
      6,
    );
    expect(evaluate(sft({ selection: 'best' }))['loss']).toBeCloseTo((6 + 9) / (5 + 6), 6);
  });

  it('chooses the best, all, or one at random, each as often', () => {
    const group = { id: 'g', scores: [1, 3, 3, 0] };
    const random = seededRandom('choice');
    expect(sft({ selection: 'best' }).example(group, random)?.solutions).toEqual([1]);
    expect(sft({ selection: 'all' }).example(group, random)?.solutions).toEqual([0, 1, 2, 3]);
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 4000; draw++) {
      const chosen = sft({ selection: 'random' }).example(group, random)?.solutions ?? [];
      expect(chosen).toHaveLength(1);
      counts[chosen[0] ?? -1]! += 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('DPO', () => {
  it('is the mean of −log σ(beta · (chosen − rejected log-ratio)) over best and worst', () => {
    const beta = 0.7;
    // Group 1: best is the second, worst the third; group 2: best is the second, worst the first.
    const chosen = [-6 + 5.5, -9 + 10];
    const rejected = [-3 + 3.5, -8 + 7];
    const margins = chosen.map((value, index) => beta * (value - (rejected[index] ?? NaN)));
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const result = evaluate(dpo({ beta }));
    expect(result['loss']).toBeCloseTo(mean(margins.map((margin) => -Math.log(sigmoid(margin)))), 6);
    expect(result['rewards/chosen']).toBeCloseTo(beta * mean(chosen), 6);
    expect(result['rewards/rejected']).toBeCloseTo(beta * mean(rejected), 6);
    expect(result['rewards/margins']).toBeCloseTo(mean(margins), 6);
    expect(result['rewards/accuracies']).toBeCloseTo(0.5, 6);
  });

  it('has nothing to learn from equal scores', () => {
    expect(dpo({ beta: 1 }).example({ id: 'g', scores: [2, 2, 2] }, seededRandom(0))).toBeUndefined();
    expect(
      rrhf({ rankWeight: 0.1, bradleyTerryWeights: false }).example(
        { id: 'g', scores: [2] },
        seededRandom(0),
      ),
    ).toBeUndefined();
  });
});

describe('RRHF', () => {
  for (const bradleyTerryWeights of [false, true]) {
    it(`is the weighted ranking term and the best solution’s: ${bradleyTerryWeights ? 'σ(s_i − s_j)' : 'equal'} weights`, () => {
      const rankWeight = 0.3;
      let ranking = 0;
      let imitation = 0;
      for (const { scores, logprobs, tokens } of groups) {
        const p = logprobs.map((value, index) => value / (tokens[index] ?? NaN));
        scores.forEach((si, i) =>
          scores.forEach((sj, j) => {
            const w = bradleyTerryWeights ? sigmoid(si - sj) : 1;
            if (si > sj) ranking -= (w * ((p[i] ?? NaN) - (p[j] ?? NaN))) / groups.length;
          }),
        );
        imitation -= (p[scores.indexOf(Math.max(...scores))] ?? NaN) / groups.length;
      }
      const result = evaluate(rrhf({ rankWeight, bradleyTerryWeights }));
      expect(result['loss/ranking']).toBeCloseTo(ranking, 6);
      expect(result['loss/sft']).toBeCloseTo(imitation, 6);
      expect(result['loss']).toBeCloseTo(rankWeight * ranking + imitation, 6);
    });
  }

  it('leaves pairs of equal scores out of the ranking', () => {
    const example = rrhf({ rankWeight: 0.1, bradleyTerryWeights: false }).example(
      { id: 'g', scores: [2, 2, 1] },
      seededRandom(0),
    );
    expect(example?.coefficients).toEqual({ rank: [1, 1, -2], best: [1, 0, 0] });
  });
});
