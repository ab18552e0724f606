// Direct preference optimisation (Rafailov et al. 2023) on the best and the worst solution of each group:
// loss = mean ℓ(beta · [(log π(best) − log π_ref(best)) − (log π(worst) − log π_ref(worst))]), where a preference costs
// ℓ(m) = − log σ(m) (sigmoid-loss.ts), or what is unbiased under flipped labels (robust-loss.ts).
import * as tf from '@tensorflow/tfjs-core';
import { checkLabelSmoothing } from './label-smoothing.ts';
import { coefficient, extremes, type Objective } from './objective.ts';
import { robustLoss } from './robust-loss.ts';
import { sigmoidLoss } from './sigmoid-loss.ts';

/** What a preference costs. */
export type DpoLossType = 'sigmoid' | 'robust';

/** How DPO weighs preferences. */
export interface DpoOptions {
  /** Inverse temperature of the implicit reward; 5.0 in the paper. */
  readonly beta: number;
  /** What a preference costs. Default sigmoid. */
  readonly lossType?: DpoLossType | undefined;
  /** Probability that a preference is the wrong way round, in [0, 0.5). Default 0. */
  readonly labelSmoothing?: number | undefined;
}

const LOSSES = { sigmoid: sigmoidLoss, robust: robustLoss };

/**
 * DPO. Groups whose best and worst scores are equal are dropped (the paper).
 *
 * @throws RangeError when label smoothing is outside [0, 0.5).
 */
export function dpo({ beta, lossType = 'sigmoid', labelSmoothing = 0 }: DpoOptions): Objective {
  checkLabelSmoothing(labelSmoothing);
  return {
    name: 'dpo',
    needsReference: true,
    coefficients: ['sign'],
    example({ scores }) {
      const { best, worst } = extremes(scores);
      if (scores[best] === scores[worst]) return undefined;
      return { solutions: [best, worst], coefficients: { sign: [1, -1] } };
    },
    loss(input) {
      const sign = coefficient(input, 'sign');
      const rewards = tf.mul(tf.sub(input.logprobs, input.reference), beta);
      // A pair takes two consecutive places, the chosen one first; unused places have sign 0.
      const pairs = Math.floor(sign.shape[0] / 2);
      const inPairs = (values: tf.Tensor): tf.Tensor2D =>
        tf.reshape(tf.slice(values, [0], [2 * pairs]), [pairs, 2]);
      const used = tf.relu(tf.slice(inPairs(sign), [0, 0], [pairs, 1]));
      const margins = tf.sum(inPairs(tf.mul(rewards, sign)), 1, true);
      const mean = (values: tf.Tensor): tf.Scalar => tf.div(tf.sum(values), input.groups);
      return {
        loss: mean(tf.mul(LOSSES[lossType](margins, labelSmoothing), used)),
        metrics: {
          'rewards/chosen': mean(tf.mul(rewards, tf.relu(sign))),
          'rewards/rejected': mean(tf.mul(rewards, tf.relu(tf.neg(sign)))),
          'rewards/margins': mean(margins),
          'rewards/accuracies': mean(tf.mul(tf.cast(tf.greater(margins, 0), 'float32'), used)),
        },
      };
    },
  };
}
