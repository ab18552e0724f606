// Group-relative policy gradient with the quality score as the reward, offline: the old policy of the clipped ratio is the model that
// the run starts from. For token t of a completion of n tokens, h_t = log π(t) − log π_old(t), and the advantage A of the completion,
//   l_t = − min(ρ_t A, clip(ρ_t, 1 − epsilon, 1 + epsilonHigh) A) + beta · (exp(d_t) − d_t − 1), d_t = log π_ref(t) − log π(t).
// The last is the k3 estimator of the divergence from the reference (Schulman 2020). The ratio ρ_t is TRL's importance_sampling_level:
// - token: exp(h_t) (Shao et al. 2024);
// - sequence: exp(mean h), one for the whole completion (GSPO, Zheng et al. 2025), whose own epsilon is 3e-4, far below the 0.2 of tokens.
// Advantages, and what the loss is a mean of:
// - dapo (Yu et al. 2025) and bnpo: A = (s − mean s) / (std s + 1e-4) in the group, std with n − 1; the mean over the tokens of the step.
//   In TRL they differ where a step is accumulated: bnpo divides by each part's own tokens, and here both by those of the step;
// - grpo (Shao et al. 2024): A as above; the mean over solutions of the mean over their tokens;
// - dr_grpo (Liu et al. 2025): A = s − mean s; Σ l_t / (solutions · maxCompletionLength), a constant instead of a completion's own length;
// - rloo (Ahmadian et al. 2024): A = s − the mean score of the others, ρ_t = exp(Σ h) of the whole completion; averaged as grpo.
import * as tf from '@tensorflow/tfjs-core';
import { coefficient, completionTokens, type Objective } from './objective.ts';
import { checkPositive } from './positive.ts';

/** How advantages are made of scores, and how losses of tokens are averaged. */
export type GrpoLossType = 'dapo' | 'bnpo' | 'grpo' | 'rloo' | 'dr_grpo';

/** What has a ratio of its own. */
export type ImportanceSamplingLevel = 'token' | 'sequence';

/** How the policy gradient is taken. */
export interface GrpoOptions {
  /** How advantages are made and losses averaged. Default dapo (TRL). */
  readonly lossType?: GrpoLossType | undefined;
  /** What has a ratio of its own; rloo has one for each sequence. Default token (TRL), sequence for rloo. */
  readonly importanceSamplingLevel?: ImportanceSamplingLevel | undefined;
  /** How far the ratio may fall below one. Default 0.2. */
  readonly epsilon?: number | undefined;
  /** How far it may rise above one. Default: epsilon. */
  readonly epsilonHigh?: number | undefined;
  /** Weight of the divergence from the reference. Default 0. */
  readonly beta?: number | undefined;
  /** Tokens by which dr_grpo divides. Default 512 (TRL). AdamW takes no notice of it, but gradient clipping does. */
  readonly maxCompletionLength?: number | undefined;
}

/** What TRL adds to the standard deviation. */
const STD_EPSILON = 1e-4;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The standard deviation with n − 1; of one number, none. */
function standardDeviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

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
    case 'grpo':
    case 'dapo':
    case 'bnpo': {
      const std = standardDeviation(scores);
      return centred.map((value) => value / (std + STD_EPSILON));
    }
  }
}

/**
 * The offline group-relative policy gradient. A group whose scores are all equal has no advantages and is dropped.
 *
 * @throws RangeError when epsilon is not in (0, 1), another setting is not positive (beta may be 0), or rloo is asked for ratios of tokens.
 */
export function grpo({
  lossType = 'dapo',
  importanceSamplingLevel = lossType === 'rloo' ? 'sequence' : 'token',
  epsilon = 0.2,
  epsilonHigh = epsilon,
  beta = 0,
  maxCompletionLength = 512,
}: GrpoOptions): Objective {
  if (!(epsilon > 0 && epsilon < 1)) throw new RangeError(`epsilon must lie in (0, 1), got ${epsilon}`);
  checkPositive('epsilonHigh', epsilonHigh);
  checkPositive('maxCompletionLength', maxCompletionLength);
  if (beta !== 0) checkPositive('beta', beta);
  if (lossType === 'rloo' && importanceSamplingLevel === 'token')
    throw new RangeError('importanceSamplingLevel is token, but rloo has one ratio for each sequence');
  const ofTokens = importanceSamplingLevel === 'token';
  const overTokens = lossType === 'dapo' || lossType === 'bnpo';
  return {
    name: lossType,
    needsReference: true,
    needsTokens: true,
    coefficients: ['advantage', 'used'],
    example({ scores }) {
      if (scores.every((score) => score === scores[0])) return undefined;
      return {
        solutions: scores.map((_, index) => index),
        coefficients: { advantage: advantages(lossType, scores), used: scores.map(() => 1) },
      };
    },
    weight: ({ tokens }) => (overTokens ? tokens.reduce((sum, count) => sum + count, 0) : tokens.length),
    scoreMetrics(scores) {
      const all = scores.flat();
      return { reward: mean(all), reward_std: standardDeviation(all) };
    },
    loss(input) {
      const { logprobs, reference, old, belongs } = completionTokens(input);
      const used = coefficient(input, 'used');
      const solutions = tf.sum(used);
      /** A number of each completion, at each of its tokens; 0 at unused places. */
      const atTokens = (values: tf.Tensor): tf.Tensor =>
        tf.reshape(tf.matMul(belongs, tf.reshape<tf.Rank.R2>(values, [-1, 1])), [-1]);
      const inUse = atTokens(used);
      const all = tf.sum(inUse);
      const h = tf.mul(tf.sub(logprobs, old), inUse);
      const logRatio = (): tf.Tensor => {
        if (ofTokens) return h;
        const sums = tf.reshape(tf.matMul(tf.reshape<tf.Rank.R2>(h, [1, -1]), belongs), [-1]);
        return atTokens(lossType === 'rloo' ? sums : tf.div(sums, input.tokens));
      };
      const ratio = tf.exp(logRatio());
      const advantage = atTokens(coefficient(input, 'advantage'));
      const clipped = tf.minimum(tf.maximum(ratio, 1 - epsilon), 1 + epsilonHigh);
      const gain = tf.minimum(tf.mul(ratio, advantage), tf.mul(clipped, advantage));
      const d = tf.mul(tf.sub(reference, logprobs), inUse);
      const divergence = tf.mul(tf.sub(tf.sub(tf.exp(d), d), 1), inUse);
      const losses = beta > 0 ? tf.sub(tf.mul(divergence, beta), gain) : tf.neg(gain);
      /** What makes a sum over the tokens of each completion its mean. */
      const share = atTokens(tf.div(used, input.tokens));
      const meanOfSolutions = (values: tf.Tensor): tf.Scalar =>
        tf.div(tf.sum(tf.mul(values, share)), solutions);
      const meanOfTokens = (values: tf.Tensor): tf.Scalar => tf.div(tf.sum(values), all);
      const loss = (): tf.Scalar => {
        if (overTokens) return meanOfTokens(losses);
        if (lossType === 'dr_grpo') return tf.div(tf.sum(losses), tf.mul(solutions, maxCompletionLength));
        return meanOfSolutions(losses);
      };
      // As in TRL: of tokens where they have ratios of their own, else of completions.
      const fraction = (where: tf.Tensor): tf.Scalar =>
        (ofTokens ? meanOfTokens : meanOfSolutions)(tf.cast(where, 'float32'));
      const low = fraction(tf.logicalAnd(tf.less(ratio, 1 - epsilon), tf.less(advantage, 0)));
      const high = fraction(tf.logicalAnd(tf.greater(ratio, 1 + epsilonHigh), tf.greater(advantage, 0)));
      return {
        loss: loss(),
        metrics: {
          kl: meanOfTokens(divergence),
          'clip_ratio/low_mean': low,
          'clip_ratio/high_mean': high,
          'clip_ratio/region_mean': tf.add(low, high),
        },
      };
    },
  };
}
