// ORPO (Hong, Lee and Thorne 2024) on the best and the worst solution of each group, without a reference model: with p the mean
// completion-token log-probability [places] and log odds o = p − log(1 − exp p),
// loss = mean of − p(best) − beta · log σ(o(best) − o(worst)) (equation 6); beta is the paper's λ, the name is TRL's.
// Like the paper's, the likelihood is the mean over pairs of that of completions; TRL's is over all tokens of a batch, prompts included.
// Rewards are beta · p, as TRL reports them.
import * as tf from '@tensorflow/tfjs-core';
import { type Objective } from './objective.ts';
import { bestAndWorst, pairsOf, rewardMetrics, SIGN } from './pairs.ts';
import { checkPositive } from './positive.ts';
import { sigmoidLoss } from './sigmoid-loss.ts';

/** How ORPO weighs preferences. */
export interface OrpoOptions {
  /** Weight of the odds ratio, λ in the paper; 0.1 there and in TRL. */
  readonly beta: number;
}

/** Mean log-probabilities nearer to zero than this count as this: at zero the odds are infinite. */
const NEAREST = -1e-6;

/** log(p / (1 − p)) of p given as its logarithm. 1 − exp(−x) is 2 t / (1 + t) with t = tanh(x / 2), also where x is small. */
function logOdds(logprobs: tf.Tensor): tf.Tensor {
  const t = tf.tanh(tf.mul(logprobs, -0.5));
  return tf.sub(logprobs, tf.log(tf.div(tf.mul(t, 2), tf.add(t, 1))));
}

/**
 * ORPO. Groups whose best and worst scores are equal are dropped.
 *
 * @throws RangeError when beta is not positive.
 */
export function orpo({ beta }: OrpoOptions): Objective {
  checkPositive('beta', beta);
  return {
    name: 'orpo',
    needsReference: false,
    coefficients: [SIGN],
    example: bestAndWorst,
    loss(input) {
      const pairs = pairsOf(input);
      const means = tf.div(input.logprobs, input.tokens);
      const differences = pairs.difference(logOdds(tf.minimum(means, NEAREST)));
      const odds = pairs.mean(tf.mul(sigmoidLoss(differences), pairs.used));
      const imitation: tf.Scalar = tf.neg(pairs.mean(tf.mul(means, pairs.chosen)));
      const rewards = tf.mul(means, beta);
      return {
        loss: tf.add(imitation, tf.mul(odds, beta)),
        metrics: {
          ...rewardMetrics(pairs, rewards, pairs.difference(rewards)),
          nll_loss: imitation,
          log_odds_ratio: tf.neg(odds),
          log_odds_chosen: pairs.mean(differences),
        },
      };
    },
  };
}
