// Supervised fine-tuning: loss = − Σ w · log p(completion) / Σ w · tokens over the chosen solutions of a batch, each with weight
// w = 1; or over all solutions, each with its share of the softmax of its group's scores (softmax-weights.ts).
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, extremes, type Example, type Objective } from './objective.ts';
import { softmaxWeights } from './softmax-weights.ts';

/** Which solutions of a group are learned from. */
export type SftSelection = 'all' | 'random' | 'best' | 'top-k' | 'weighted';

/** What supervised fine-tuning learns from. */
export interface SftOptions {
  /**
   * `best` takes the solution with the highest score, `top-k` the k with the highest, `random` one at random, `all` every one, and
   * `weighted` every one with the softmax of the scores as its weight: between `all`, where scores are equal, and `best`, where one
   * is far ahead.
   */
  readonly selection: SftSelection;
  /** Solutions that `top-k` takes of each group, all where there are no more. Default 2. */
  readonly k?: number | undefined;
}

/**
 * Mean negative log-likelihood per completion token, nats.
 *
 * @throws RangeError when k is not a whole number of at least 1.
 */
export function sft({ selection, k = 2 }: SftOptions): Objective {
  if (!(Number.isInteger(k) && k >= 1))
    throw new RangeError(`k must be a whole number of at least 1, got ${k}`);
  return {
    name: `sft-${selection}`,
    needsReference: false,
    coefficients: ['included'],
    example: ({ scores }, random) => exampleOf(selection, k, scores, random),
    weight: ({ coefficients, tokens }) =>
      tokens.reduce((sum, count, place) => sum + count * (coefficients['included']?.[place] ?? 0), 0),
    loss(input) {
      const included = coefficient(input, 'included');
      const tokens = tf.sum(tf.mul(input.tokens, included));
      return { loss: tf.div(tf.neg(tf.sum(tf.mul(input.logprobs, included))), tokens), metrics: {} };
    },
  };
}

function exampleOf(
  selection: SftSelection,
  k: number,
  scores: readonly number[],
  random: () => number,
): Example {
  const all = scores.map((_, index) => index);
  switch (selection) {
    case 'weighted':
      return { solutions: all, coefficients: { included: softmaxWeights(scores) } };
    case 'all':
      return { solutions: all, coefficients: { included: all.map(() => 1) } };
    case 'best':
      return { solutions: [extremes(scores).best], coefficients: { included: [1] } };
    case 'top-k': {
      // Of equals the first, and in the group's own order.
      const ranked = all.toSorted((i, j) => (scores[j] ?? 0) - (scores[i] ?? 0) || i - j);
      const solutions = ranked.slice(0, k).sort((i, j) => i - j);
      return { solutions, coefficients: { included: solutions.map(() => 1) } };
    }
    case 'random':
      return { solutions: [Math.floor(random() * scores.length)], coefficients: { included: [1] } };
  }
}
