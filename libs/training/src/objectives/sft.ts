// Supervised fine-tuning: loss = − Σ log p(token) / tokens over the chosen solutions of a batch.
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, extremes, type Objective } from './objective.ts';

/** Which solutions of a group are learned from. */
export type SftSelection = 'all' | 'random' | 'best';

/**
 * Mean negative log-likelihood per completion token, nats.
 *
 * @param selection `best` takes the solution with the highest score, `random` one at random, `all` every one.
 */
export function sft(selection: SftSelection): Objective {
  return {
    name: `sft-${selection}`,
    needsReference: false,
    coefficients: ['included'],
    example({ scores }, random) {
      const all = scores.map((_, index) => index);
      const chosen =
        selection === 'all'
          ? all
          : [selection === 'best' ? extremes(scores).best : Math.floor(random() * scores.length)];
      return { solutions: chosen, coefficients: { included: chosen.map(() => 1) } };
    },
    loss(input) {
      const included = coefficient(input, 'included');
      const tokens = tf.sum(tf.mul(input.tokens, included));
      return { loss: tf.div(tf.neg(tf.sum(tf.mul(input.logprobs, included))), tokens), metrics: {} };
    },
  };
}
