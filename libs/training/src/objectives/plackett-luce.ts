// Listwise preference optimisation over a group: the Plackett–Luce model (Plackett 1975, Luce 1959) of the order of its solutions, with
// implicit rewards r = beta · (log π − log π_ref) [places], as in appendix A.3 of the DPO paper (Rafailov et al. 2023).
// loss = mean over groups of − Σ_i log( exp r_i / (exp r_i + Σ over j with s_j < s_i of exp r_j) ): each solution is chosen from
// itself and those that scored less. Solutions with equal scores are not compared. Two solutions make it DPO.
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, type LossInput, type Objective } from './objective.ts';
import { checkPositive } from './positive.ts';

/** How Plackett–Luce weighs orders. */
export interface PlackettLuceOptions {
  /** Inverse temperature of the implicit reward. */
  readonly beta: number;
}

/** exp of it is zero. */
const NOT_THERE = -1e30;

/** Of a batch: which solution scored higher than which of the same group, [places, places]: 1 where row beats column. */
function beats(input: LossInput): tf.Tensor {
  const rank = coefficient(input, 'rank');
  const places = rank.shape[0];
  const column = (values: tf.Tensor1D): tf.Tensor2D => tf.reshape(values, [places, 1]);
  const row = (values: tf.Tensor1D): tf.Tensor2D => tf.reshape(values, [1, places]);
  // Groups are numbered by how many of them have begun.
  const index = tf.tensor1d(Float32Array.from({ length: places }, (_, place) => place));
  const before = tf.cast(tf.greaterEqual(column(index), row(index)), 'float32');
  const group = tf.sum<tf.Tensor1D>(tf.mul(before, row(coefficient(input, 'first'))), 1);
  const used = tf.greater(row(rank), 0);
  const lower = tf.logicalAnd(tf.less(row(rank), column(rank)), used);
  return tf.cast(tf.logicalAnd(tf.equal(row(group), column(group)), lower), 'float32');
}

/**
 * Plackett–Luce. A group whose scores are all equal is dropped.
 *
 * @throws RangeError when beta is not positive.
 */
export function plackettLuce({ beta }: PlackettLuceOptions): Objective {
  checkPositive('beta', beta);
  return {
    name: 'plackett-luce',
    needsReference: true,
    // The rank from 1 for the lowest score, equal for equal ones; 1 for the first solution of a group; 1 for best and −1 for worst.
    coefficients: ['rank', 'first', 'sign'],
    example({ scores }) {
      const levels = [...new Set(scores)].sort((a, b) => a - b);
      if (levels.length < 2) return undefined;
      const rank = scores.map((score) => levels.indexOf(score) + 1);
      const [best, worst] = [rank.indexOf(levels.length), rank.indexOf(1)];
      return {
        solutions: scores.map((_, index) => index),
        coefficients: {
          rank,
          first: scores.map((_, index) => (index === 0 ? 1 : 0)),
          sign: scores.map((_, index) => (index === best ? 1 : index === worst ? -1 : 0)),
        },
      };
    },
    loss(input) {
      const rewards = tf.mul(tf.sub(input.logprobs, input.reference), beta);
      const places = rewards.shape[0] ?? 0;
      const [row, column] = [tf.reshape(rewards, [1, places]), tf.reshape(rewards, [places, 1])];
      const beaten = beats(input);
      const others = tf.where(
        tf.greater(beaten, 0),
        tf.sub(row, column),
        tf.fill([places, places], NOT_THERE),
      );
      // log(1 + Σ exp(r_j − r_i)), by way of the largest of the terms; the one is exp of a zero in a column of its own.
      const terms = tf.concat([others, tf.zeros([places, 1])], 1);
      const mean = (values: tf.Tensor): tf.Scalar => tf.div(tf.sum(values), input.groups);
      const sign = coefficient(input, 'sign');
      const [chosen, rejected] = [
        mean(tf.mul(rewards, tf.relu(sign))),
        mean(tf.mul(rewards, tf.relu(tf.neg(sign)))),
      ];
      const right = tf.mul(beaten, tf.cast(tf.greater(column, row), 'float32'));
      return {
        loss: mean(tf.logSumExp(terms, 1)),
        metrics: {
          'rewards/chosen': chosen,
          'rewards/rejected': rejected,
          'rewards/margins': tf.sub(chosen, rejected),
          // Of all pairs of a batch that differ in score.
          'rewards/accuracies': tf.div(tf.sum(right), tf.sum(beaten)),
        },
      };
    },
  };
}
