// Every training objective against TRL's own losses, and against transcriptions of the formulas of papers, whose numbers
// make_objective_vectors.py wrote: loss, metrics, and the gradient with respect to every log-probability, of tokens where a loss is of those.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { seededRandom } from '@overtone/statistics';
import '@overtone/tensor';
import { createObjective, type ObjectiveSpec } from '@overtone/training';

const numbers = z.array(z.number());
const { groups, cases } = z
  .object({
    groups: z.array(
      z.object({
        scores: numbers,
        logprobs: numbers,
        reference: numbers,
        tokens: numbers,
        each: z.array(z.object({ logprobs: numbers, reference: numbers, old: numbers })),
      }),
    ),
    cases: z.array(
      z.object({
        spec: z.custom<ObjectiveSpec>(
          (value) => z.looseObject({ type: z.string() }).safeParse(value).success,
        ),
        source: z.string(),
        loss: z.number(),
        gradient: z.array(z.array(z.union([z.number(), numbers]))),
        metrics: z.record(z.string(), z.number()),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('vectors/objectives.json', import.meta.url), 'utf8')));

/** Places that no solution and no token takes. */
const UNUSED = 3;

type Group = (typeof groups)[number];
interface Chosen {
  readonly solution: number;
  readonly group: Group;
  readonly index: number;
}

/** The tokens of some solutions, with unused places at the end whose log-probabilities mean nothing. */
function tokensOf(chosen: readonly Chosen[], sequences: number) {
  const each = chosen.map(
    ({ group, solution }) => group.each[solution] ?? { logprobs: [], reference: [], old: [] },
  );
  const place = (key: 'logprobs' | 'reference' | 'old', unused: number): tf.Tensor1D =>
    tf.tensor1d([...each.flatMap((one) => one[key]), ...Array<number>(UNUSED).fill(unused)]);
  const owners = [
    ...each.flatMap(({ old }, owner) => old.map(() => owner)),
    ...Array<number>(UNUSED).fill(-1),
  ];
  return {
    logprobs: place('logprobs', -4),
    reference: place('reference', 0),
    old: place('old', 0),
    belongs: tf.cast(tf.oneHot(tf.tensor1d(owners, 'int32'), sequences), 'float32') as tf.Tensor2D,
  };
}

/** The loss of all groups as one batch, its metrics, and its gradient, group by group. */
function evaluate(spec: ObjectiveSpec) {
  const objective = createObjective(spec);
  const examples = groups.flatMap((group, index) => {
    const example = objective.example({ id: `g${index}`, scores: group.scores }, seededRandom(index));
    return example === undefined ? [] : [{ ...example, index, group }];
  });
  const chosen = examples.flatMap(({ solutions, group, index }) =>
    solutions.map((solution): Chosen => ({ solution, group, index })),
  );
  const places = (values: readonly number[], unused: number): tf.Tensor1D =>
    tf.tensor1d([...values, ...Array<number>(UNUSED + (values.length % 2)).fill(unused)]);
  const of = (key: 'logprobs' | 'reference' | 'tokens', unused: number): tf.Tensor1D =>
    places(
      chosen.map(({ group, solution }) => group[key][solution] ?? NaN),
      unused,
    );
  return tf.tidy(() => {
    let metrics: Readonly<Record<string, tf.Scalar>> = {};
    const tokens = of('tokens', 1);
    const each = objective.needsTokens === true ? tokensOf(chosen, tokens.size) : undefined;
    const { value, grad } = tf.valueAndGrad((values) => {
      const logprobs: tf.Tensor1D = tf.reshape(values, [-1]);
      const output = objective.loss({
        logprobs: each ? tf.reshape(tf.matMul(tf.reshape(logprobs, [1, -1]), each.belongs), [-1]) : logprobs,
        reference: of('reference', 0),
        tokens,
        groups: tf.scalar(examples.length),
        coefficients: Object.fromEntries(
          objective.coefficients.map((name) => [
            name,
            places(
              examples.flatMap(({ coefficients }) => coefficients[name] ?? []),
              0,
            ),
          ]),
        ),
        each: each && { ...each, logprobs },
      });
      metrics = Object.fromEntries(
        Object.entries(output.metrics).map(([name, metric]) => [name, tf.keep(metric)]),
      );
      return output.loss;
    })(each?.logprobs ?? of('logprobs', 0));
    const own = [...grad.dataSync()];
    const gradient: (number | number[])[][] = groups.map(({ scores, tokens: counts }) =>
      scores.map((_, solution) => (each ? Array<number>(counts[solution] ?? 0).fill(0) : 0)),
    );
    for (const { solution, group, index } of chosen)
      gradient[index]?.splice(
        solution,
        1,
        each ? own.splice(0, group.tokens[solution]) : (own.shift() ?? NaN),
      );
    const [loss] = value.dataSync();
    const found = Object.entries(metrics).map(([name, metric]) => [name, metric.dataSync()[0]] as const);
    Object.values(metrics).forEach((metric) => metric.dispose());
    const ofScores = objective.scoreMetrics?.(
      examples.map(({ solutions, group }) => solutions.map((at) => group.scores[at] ?? NaN)),
    );
    return {
      loss,
      metrics: { ...Object.fromEntries(found), ...ofScores },
      gradient: gradient.flat(2),
      unused: own,
    };
  });
}

describe('loss, metrics and gradient of objectives equal the original to 2e-6', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  it.each(cases.map((one) => [`${JSON.stringify(one.spec)}: ${one.source}`, one] as const))(
    '%s',
    (_, { spec, loss, gradient, metrics }) => {
      const found = evaluate(spec);
      const close = (value: number | undefined, expected: number, scale: number): void => {
        expect(Math.abs((value ?? NaN) - expected)).toBeLessThan(2e-6 * scale);
      };
      close(found.loss, loss, Math.max(1, Math.abs(loss)));
      for (const [name, value] of Object.entries(metrics))
        close(found.metrics[name], value, Math.max(1, Math.abs(value)));
      const expected = gradient.flat(2);
      expect(found.gradient).toHaveLength(expected.length);
      const largest = Math.max(...expected.map(Math.abs));
      expected.forEach((value, index) => close(found.gradient[index], value, largest));
      // Places without a solution move nothing.
      expect(found.unused.every((value) => value === 0)).toBe(true);
    },
  );
});
