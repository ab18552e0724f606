// Every training objective against TRL's own losses, and against transcriptions of the formulas of papers, whose numbers
// make_objective_vectors.py wrote: loss, metrics, and the gradient with respect to every log-probability.
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
    groups: z.array(z.object({ scores: numbers, logprobs: numbers, reference: numbers, tokens: numbers })),
    cases: z.array(
      z.object({
        spec: z.custom<ObjectiveSpec>(
          (value) => z.looseObject({ type: z.string() }).safeParse(value).success,
        ),
        source: z.string(),
        loss: z.number(),
        gradient: z.array(numbers),
        metrics: z.record(z.string(), z.number()),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('vectors/objectives.json', import.meta.url), 'utf8')));

/** Places that no solution takes. */
const UNUSED = 3;

/** The loss of all groups as one batch, its metrics, and its gradient, group by group. */
function evaluate(spec: ObjectiveSpec) {
  const objective = createObjective(spec);
  const examples = groups.flatMap((group, index) => {
    const example = objective.example({ id: `g${index}`, scores: group.scores }, seededRandom(index));
    return example === undefined ? [] : [{ ...example, index, group }];
  });
  const places = (values: readonly number[], unused: number): tf.Tensor1D =>
    tf.tensor1d([...values, ...Array<number>(UNUSED + (values.length % 2)).fill(unused)]);
  const of = (key: 'logprobs' | 'reference' | 'tokens', unused: number): tf.Tensor1D =>
    places(
      examples.flatMap(({ solutions, group }) => solutions.map((index) => group[key][index] ?? NaN)),
      unused,
    );
  return tf.tidy(() => {
    let metrics: Readonly<Record<string, tf.Scalar>> = {};
    const { value, grad } = tf.valueAndGrad((logprobs) => {
      const output = objective.loss({
        logprobs: tf.reshape(logprobs, [-1]),
        reference: of('reference', 0),
        tokens: of('tokens', 1),
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
      });
      metrics = Object.fromEntries(
        Object.entries(output.metrics).map(([name, metric]) => [name, tf.keep(metric)]),
      );
      return output.loss;
    })(of('logprobs', 0));
    const own = [...grad.dataSync()];
    const gradient = groups.map(({ scores }) => scores.map(() => 0));
    for (const { solutions, index } of examples)
      for (const solution of solutions) gradient[index]?.splice(solution, 1, own.shift() ?? NaN);
    const [loss] = value.dataSync();
    const found = Object.entries(metrics).map(([name, metric]) => [name, metric.dataSync()[0]] as const);
    Object.values(metrics).forEach((metric) => metric.dispose());
    return { loss, metrics: Object.fromEntries(found), gradient, unused: own };
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
      const largest = Math.max(...gradient.flat().map(Math.abs));
      gradient.flat().forEach((value, index) => close(found.gradient.flat()[index], value, largest));
      // Places without a solution move nothing.
      expect(found.unused.every((value) => value === 0)).toBe(true);
    },
  );
});
