// Supervised fine-tuning: loss = − Σ w · log p(completion) / Σ w · tokens over the chosen solutions of a batch, each with weight
// w = 1; or over all solutions, each with its share of the softmax of its group's scores (softmax-weights.ts).
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, extremes, type Example, type Objective } from './objective.ts';
import { softmaxWeights } from './softmax-weights.ts';

/** Which solutions of a group are learned from. */
export type SftSelection = 'all' | 'random' | 'best' | 'weighted';

/**
 * Mean negative log-likelihood per completion token, nats.
 *
 * @param selection `best` takes the solution with the highest score, `random` one at random, `all` every one, and `weighted`
 *   every one with the softmax of the scores as its weight: between `all`, where scores are equal, and `best`, where one is
 *   far ahead.
 */
export function sft(selection: SftSelection): Objective {
  return {
    name: `sft-${selection}`,
    needsReference: false,
    coefficients: ['included'],
    example: ({ scores }, random) => exampleOf(selection, scores, random),
    loss(input) {
      const included = coefficient(input, 'included');
      const tokens = tf.sum(tf.mul(input.tokens, included));
      return { loss: tf.div(tf.neg(tf.sum(tf.mul(input.logprobs, included))), tokens), metrics: {} };
    },
  };
}

function exampleOf(selection: SftSelection, scores: readonly number[], random: () => number): Example {
  const all = scores.map((_, index) => index);
  switch (selection) {
    case 'weighted':
      return { solutions: all, coefficients: { included: softmaxWeights(scores) } };
    case 'all':
      return { solutions: all, coefficients: { included: all.map(() => 1) } };
    case 'best':
      return { solutions: [extremes(scores).best], coefficients: { included: [1] } };
    case 'random':
      return { solutions: [Math.floor(random() * scores.length)], coefficients: { included: [1] } };
  }
}
