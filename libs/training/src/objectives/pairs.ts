// Preference pairs: the best and the worst solution of each group, in two consecutive places of the batch, the chosen one first.
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, extremes, type Example, type LossInput, type ScoredGroup } from './objective.ts';

/** The coefficient that pairs need: 1 for the chosen solution, −1 for the rejected one, 0 at unused places. */
export const SIGN = 'sign';

/** The pair of a group; undefined where all scores are equal: there is no preference then. */
export function bestAndWorst({ scores }: ScoredGroup): Example | undefined {
  const { best, worst } = extremes(scores);
  if (scores[best] === scores[worst]) return undefined;
  return { solutions: [best, worst], coefficients: { [SIGN]: [1, -1] } };
}

/** The pairs of a batch. */
export interface Pairs {
  /** 1 for each pair, 0 where there is none; [pairs, 1]. */
  readonly used: tf.Tensor;
  /** Of values [places]: the chosen one's less the rejected one's, [pairs, 1]. */
  difference(values: tf.Tensor): tf.Tensor;
  /** Of values [places] that are zero for rejected ones: the chosen one's, [pairs, 1]. */
  ofPair(values: tf.Tensor): tf.Tensor;
  /** The mean over pairs of values of any shape that are zero where there is no pair. */
  mean(values: tf.Tensor): tf.Scalar;
  /** 1 where a solution is chosen, [places]. */
  readonly chosen: tf.Tensor;
  /** 1 where a solution is rejected, [places]. */
  readonly rejected: tf.Tensor;
}

/** The pairs of a batch whose coefficients have `SIGN`. */
export function pairsOf(input: LossInput): Pairs {
  const sign = coefficient(input, SIGN);
  const count = Math.floor(sign.shape[0] / 2);
  const inPairs = (values: tf.Tensor): tf.Tensor2D =>
    tf.reshape(tf.slice(values, [0], [2 * count]), [count, 2]);
  return {
    used: tf.relu(tf.slice(inPairs(sign), [0, 0], [count, 1])),
    difference: (values) => tf.sum(inPairs(tf.mul(values, sign)), 1, true),
    ofPair: (values) => tf.sum(inPairs(values), 1, true),
    mean: (values) => tf.div(tf.sum(values), input.groups),
    chosen: tf.relu(sign),
    rejected: tf.relu(tf.neg(sign)),
  };
}

/**
 * The metrics that people know of preference training.
 *
 * @param rewards implicit rewards, [places].
 * @param margins `pairs.difference(rewards)`.
 */
export function rewardMetrics(pairs: Pairs, rewards: tf.Tensor, margins: tf.Tensor) {
  const right = tf.mul(tf.cast(tf.greater(margins, 0), 'float32'), pairs.used);
  return {
    'rewards/chosen': pairs.mean(tf.mul(rewards, pairs.chosen)),
    'rewards/rejected': pairs.mean(tf.mul(rewards, pairs.rejected)),
    'rewards/margins': pairs.mean(margins),
    'rewards/accuracies': pairs.mean(right),
  };
}
