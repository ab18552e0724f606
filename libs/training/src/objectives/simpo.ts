// SimPO (Meng, Xia and Chen 2024) on the best and the worst solution of each group, without a reference model: with p the mean
// completion-token log-probability [places] and the margin m = beta · (p(best) − p(worst)) [pairs, 1],
// loss = mean − log σ(m − simpoGamma). With label smoothing ε, as TRL has it: (1 − ε) ℓ(m − simpoGamma) + ε ℓ(simpoGamma − m).
// Rewards are beta · p.
import * as tf from '@tensorflow/tfjs-core';
import { checkLabelSmoothing, smoothedLoss } from './label-smoothing.ts';
import { type Objective } from './objective.ts';
import { bestAndWorst, pairsOf, rewardMetrics, SIGN } from './pairs.ts';
import { checkPositive } from './positive.ts';
import { sigmoidLoss } from './sigmoid-loss.ts';

/** How SimPO weighs preferences. */
export interface SimpoOptions {
  /** Inverse temperature of the implicit reward; 2 to 10 in the paper, usually 2. */
  readonly beta: number;
  /** How far the margin should exceed zero; half of beta is where the authors start. */
  readonly simpoGamma: number;
  /** Probability that a preference is the wrong way round, in [0, 0.5). Default 0. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * SimPO. Groups whose best and worst scores are equal are dropped.
 *
 * @throws RangeError when beta is not positive, gamma is not a number or label smoothing is outside [0, 0.5).
 */
export function simpo({ beta, simpoGamma, labelSmoothing = 0 }: SimpoOptions): Objective {
  checkPositive('beta', beta);
  checkLabelSmoothing(labelSmoothing);
  if (!(simpoGamma >= 0 && Number.isFinite(simpoGamma)))
    throw new RangeError(`simpoGamma must not be negative, got ${simpoGamma}`);
  return {
    name: 'simpo',
    needsReference: false,
    coefficients: [SIGN],
    example: bestAndWorst,
    loss(input) {
      const pairs = pairsOf(input);
      const rewards = tf.mul(tf.div(input.logprobs, input.tokens), beta);
      const margins = pairs.difference(rewards);
      const beyond = tf.sub(margins, simpoGamma);
      const losses = smoothedLoss(sigmoidLoss(beyond), () => sigmoidLoss(tf.neg(beyond)), labelSmoothing);
      return {
        loss: pairs.mean(tf.mul(losses, pairs.used)),
        metrics: rewardMetrics(pairs, rewards, margins),
      };
    },
  };
}
