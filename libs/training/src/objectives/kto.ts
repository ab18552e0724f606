// KTO (Ethayarajh et al. 2024): every solution is desirable or undesirable by itself, there are no pairs. With the log-ratio
// r = log π(y) − log π_ref(y) [places] and the reference point z, loss is the mean over solutions of
// desirableWeight · (1 − σ(beta · (r − z))) for desirable ones and undesirableWeight · (1 − σ(beta · (z − r))) for undesirable ones.
// A solution is desirable when its score is above the mean of its group, undesirable below, and left out when equal to it.
// z stands for the divergence from the reference model, without a gradient: z = max(0, mean r over the batch). TRL takes the mean over
// completions that are paired with other prompts, which costs another forward pass; here it is over the batch's own completions, whose
// r are those of answers that belong to their prompts, so z is nearer to the rewards it is compared with. It is the same formula.
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, type Objective } from './objective.ts';
import { checkPositive } from './positive.ts';
import { stopGradient } from './stop-gradient.ts';

/** How KTO weighs solutions. */
export interface KtoOptions {
  /** Inverse temperature of the implicit reward; 0.1 in the paper and in TRL. */
  readonly beta: number;
  /** Weight of desirable solutions, λ_D in the paper. Default 1. */
  readonly desirableWeight?: number | undefined;
  /** Weight of undesirable solutions, λ_U in the paper. Default 1. */
  readonly undesirableWeight?: number | undefined;
}

/** 1 for each score above the mean of its group, −1 below, 0 where it is the mean (to rounding). */
export function desirability(scores: readonly number[]): number[] {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const spread = Math.max(...scores) - Math.min(...scores);
  return scores.map((score) => (Math.abs(score - mean) <= 1e-9 * spread ? 0 : Math.sign(score - mean)));
}

/**
 * KTO. A group whose scores are all equal is dropped.
 *
 * @throws RangeError when beta or a weight is not positive.
 */
export function kto({ beta, desirableWeight = 1, undesirableWeight = 1 }: KtoOptions): Objective {
  checkPositive('beta', beta);
  checkPositive('desirableWeight', desirableWeight);
  checkPositive('undesirableWeight', undesirableWeight);
  return {
    name: 'kto',
    needsReference: true,
    coefficients: ['sign'],
    // The reference point is that of the batch.
    wholeBatch: true,
    example({ scores }) {
      const all = desirability(scores);
      const solutions = all.flatMap((sign, index) => (sign === 0 ? [] : [index]));
      if (solutions.length === 0) return undefined;
      return { solutions, coefficients: { sign: solutions.map((index) => all[index] ?? 0) } };
    },
    loss(input) {
      const sign = coefficient(input, 'sign');
      const desirable = tf.relu(sign);
      const undesirable = tf.relu(tf.neg(sign));
      const ratios = tf.sub(input.logprobs, input.reference);
      const used = tf.abs(sign);
      const count = tf.sum(used);
      const mean: tf.Scalar = tf.div(tf.sum(tf.mul(ratios, used)), count);
      const kl = stopGradient(tf.relu(mean));
      const weights = tf.add(tf.mul(desirable, desirableWeight), tf.mul(undesirable, undesirableWeight));
      // 1 − σ(x) = σ(− x).
      const losses = tf.sigmoid(tf.mul(tf.mul(tf.sub(ratios, kl), sign), -beta));
      const rewards = tf.mul(ratios, beta);
      const meanReward = (of: tf.Tensor): tf.Scalar => tf.div(tf.sum(tf.mul(rewards, of)), tf.sum(of));
      const [chosen, rejected] = [meanReward(desirable), meanReward(undesirable)];
      return {
        loss: tf.div(tf.sum(tf.mul(losses, weights)), count),
        metrics: {
          'rewards/chosen': chosen,
          'rewards/rejected': rejected,
          'rewards/margins': tf.sub(chosen, rejected),
          kl,
        },
      };
    },
  };
}
