// RRHF (Yuan et al. 2023) as in "Learning from Saturated Data": with p the mean completion-token log-probability,
// loss = rankWeight · Σ over pairs with s_i > s_j of − w_ij (p_i − p_j) − p_best, averaged over the groups of a batch;
// w_ij = 1, or σ(s_i − s_j) for RRHF-BT. The ranking term is linear in p and so unbounded below: watch the
// development split.
// With label smoothing ε > 0 each pair counts its expectation over flips, (1 − ε) − ε = 1 − 2 ε, and p_best is replaced by the mean of
// all p, weighted by the softmax of the scores (softmax-weights.ts): who is best is as uncertain as the preferences are.
import * as tf from '@tensorflow/tfjs-core';
import { checkLabelSmoothing } from './label-smoothing.ts';
import { coefficient, extremes, type Objective } from './objective.ts';
import { softmaxWeights } from './softmax-weights.ts';

/** How the ranking loss weighs. */
export interface RrhfOptions {
  /** Weight of the ranking loss; 0.1 in the paper. */
  readonly rankWeight: number;
  /** Multiply each pair's term by σ(s_i − s_j). */
  readonly bradleyTerryWeights: boolean;
  /** Probability that a preference is the wrong way round, in [0, 0.5). Default 0. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * RRHF, or RRHF-BT. A group whose scores are all equal is dropped.
 *
 * @throws RangeError when label smoothing is outside [0, 0.5).
 */
export function rrhf({ rankWeight, bradleyTerryWeights, labelSmoothing = 0 }: RrhfOptions): Objective {
  checkLabelSmoothing(labelSmoothing);
  return {
    name: bradleyTerryWeights ? 'rrhf-bt' : 'rrhf',
    needsReference: false,
    coefficients: ['rank', 'best'],
    example({ scores }) {
      const { best, worst } = extremes(scores);
      if (scores[best] === scores[worst]) return undefined;
      // Each pair adds w_ij to i and − w_ij to j: the whole ranking term is one coefficient a solution.
      const rank = scores.map((score) =>
        scores.reduce((sum, other) => {
          const weight = bradleyTerryWeights ? 1 / (1 + Math.exp(-Math.abs(score - other))) : 1;
          return sum + Math.sign(score - other) * weight;
        }, 0),
      );
      return {
        solutions: scores.map((_, index) => index),
        coefficients: {
          rank,
          best:
            labelSmoothing > 0 ? softmaxWeights(scores) : scores.map((_, index) => (index === best ? 1 : 0)),
        },
      };
    },
    loss(input) {
      const means = tf.div(input.logprobs, input.tokens);
      const ranking = tf.div(tf.neg(tf.sum(tf.mul(means, coefficient(input, 'rank')))), input.groups);
      const imitation = tf.div(tf.neg(tf.sum(tf.mul(means, coefficient(input, 'best')))), input.groups);
      return {
        loss: tf.add(tf.mul(ranking, rankWeight * (1 - 2 * labelSmoothing)), imitation),
        metrics: { 'loss/ranking': ranking as tf.Scalar, 'loss/sft': imitation as tf.Scalar },
      };
    },
  };
}
