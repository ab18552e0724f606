// Group-relative policy gradient with the quality score as the reward, offline: the solutions are those that the starting model, the
// reference, was sampled for, so it is the old policy of the clipped ratio. With h = log π(y) − log π_ref(y), n its tokens [places],
// the ratio ρ = exp(h / n) and the advantage A, a solution's loss is − min(ρ A, clip(ρ, 1 − epsilon, 1 + epsilonHigh) A)
// + beta · (exp(− h / n) + h / n − 1). The last is the k3 estimator of the divergence from the reference (Schulman 2020).
// - grpo (Shao et al. 2024): A = (s − mean s) / (std s + 1e-4) in its group, std with n − 1; the loss is the mean over solutions;
// - rloo (Ahmadian et al. 2024): A = s − the mean score of the others, ρ = exp(h) of the whole completion; the mean over solutions;
// - dr_grpo (Liu et al. 2025): A = s − mean s; the loss is Σ n · loss / (solutions · maxCompletionLength), a constant instead of each
//   completion's own length.
// The ratio is one for the whole completion, TRL's importance_sampling_level "sequence" (GSPO, Zheng et al. 2025), not one for each
// token. Before the first update both have the same gradient. GSPO's own epsilon is 3e-4, far below the 0.2 of ratios of tokens.
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, type Objective } from './objective.ts';
import { checkPositive } from './positive.ts';

/** How advantages are made of scores, and how losses of solutions are averaged. */
export type GrpoLossType = 'grpo' | 'rloo' | 'dr_grpo';

/** How the policy gradient is taken. */
export interface GrpoOptions {
  /** How advantages are made and losses averaged. Default grpo. */
  readonly lossType?: GrpoLossType | undefined;
  /** How far the ratio may fall below one. Default 0.2. */
  readonly epsilon?: number | undefined;
  /** How far it may rise above one. Default: epsilon. */
  readonly epsilonHigh?: number | undefined;
  /** Weight of the divergence from the reference. Default 0. */
  readonly beta?: number | undefined;
  /** Tokens by which dr_grpo divides. Default 256. AdamW takes no notice of it, but gradient clipping does. */
  readonly maxCompletionLength?: number | undefined;
}

/** What TRL adds to the standard deviation. */
const STD_EPSILON = 1e-4;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Advantages of a group's solutions. */
export function advantages(lossType: GrpoLossType, scores: readonly number[]): number[] {
  const middle = mean(scores);
  const centred = scores.map((score) => score - middle);
  switch (lossType) {
    case 'dr_grpo':
      return centred;
    case 'rloo':
      // s − (Σ s − s) / (n − 1) = (s − mean) n / (n − 1).
      return centred.map((value) => (value * scores.length) / (scores.length - 1));
    case 'grpo': {
      const squares = centred.reduce((sum, value) => sum + value * value, 0);
      const std = Math.sqrt(squares / (scores.length - 1));
      return centred.map((value) => value / (std + STD_EPSILON));
    }
  }
}

/**
 * The offline group-relative policy gradient. A group whose scores are all equal has no advantages and is dropped.
 *
 * @throws RangeError when epsilon is not in (0, 1), or another setting is not positive (beta may be 0).
 */
export function grpo({
  lossType = 'grpo',
  epsilon = 0.2,
  epsilonHigh = epsilon,
  beta = 0,
  maxCompletionLength = 256,
}: GrpoOptions): Objective {
  if (!(epsilon > 0 && epsilon < 1)) throw new RangeError(`epsilon must lie in (0, 1), got ${epsilon}`);
  checkPositive('epsilonHigh', epsilonHigh);
  checkPositive('maxCompletionLength', maxCompletionLength);
  if (beta !== 0) checkPositive('beta', beta);
  return {
    name: lossType,
    needsReference: true,
    coefficients: ['advantage', 'used'],
    example({ scores }) {
      if (scores.every((score) => score === scores[0])) return undefined;
      return {
        solutions: scores.map((_, index) => index),
        coefficients: { advantage: advantages(lossType, scores), used: scores.map(() => 1) },
      };
    },
    weight: ({ tokens }) => tokens.length,
    loss(input) {
      const { tokens } = input;
      const [advantage, used] = [coefficient(input, 'advantage'), coefficient(input, 'used')];
      const whole = tf.sub(input.logprobs, input.reference);
      const perToken = tf.div(whole, tokens);
      const ratio = tf.exp(lossType === 'rloo' ? whole : perToken);
      const clipped = tf.minimum(tf.maximum(ratio, 1 - epsilon), 1 + epsilonHigh);
      const gain = tf.minimum(tf.mul(ratio, advantage), tf.mul(clipped, advantage));
      const divergence = tf.mul(tf.sub(tf.add(tf.exp(tf.neg(perToken)), perToken), 1), used);
      const losses = beta > 0 ? tf.sub(tf.mul(divergence, beta), gain) : tf.neg(gain);
      const solutions = tf.sum(used);
      const all = (values: tf.Tensor, weights: tf.Tensor): tf.Tensor => tf.sum(tf.mul(values, weights));
      const loss =
        lossType === 'dr_grpo'
          ? tf.div(all(losses, tokens), tf.mul(solutions, maxCompletionLength))
          : tf.div(tf.sum(losses), solutions);
      const low = tf.logicalAnd(tf.less(ratio, 1 - epsilon), tf.less(advantage, 0));
      const high = tf.logicalAnd(tf.greater(ratio, 1 + epsilonHigh), tf.greater(advantage, 0));
      return {
        loss: loss as tf.Scalar,
        metrics: {
          kl: tf.div(all(divergence, tokens), all(tokens, used)),
          'clip_ratio/region_mean': tf.div(tf.sum(tf.cast(tf.logicalOr(low, high), 'float32')), solutions),
        },
      };
    },
  };
}
