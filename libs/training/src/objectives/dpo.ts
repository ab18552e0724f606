// Direct preference optimisation (Rafailov et al. 2023) on the best and the worst solution of each group. With the log-ratio
// h(y) = log π(y) − log π_ref(y) and the margin m = beta · (h(best) − h(worst)), loss = mean ℓ(m); shapes: h [places], m [pairs, 1].
// What a preference costs, `lossType`, has the names that TRL gives:
// - sigmoid: ℓ(m) = − log σ(m) (sigmoid-loss.ts); hinge: max(0, 1 − m) (hinge-loss.ts); ipo: (m / beta − 1 / (2 beta))² (ipo-loss.ts),
//   with h the mean per token;
// - sigmoid_norm: − log σ(m) with h the mean per token (length-normalised DPO; Lambert et al. 2024);
// - robust: what is unbiased under flipped labels (robust-loss.ts).
// With label smoothing ε all but robust are the expectation over flips (label-smoothing.ts): with sigmoid, conservative DPO.
// With a score margin α, the margin has to exceed an offset: ℓ(m − α (s_best − s_worst)), s the scores (DPO with an offset, Amini,
// Vieira and Cotterell 2024); turned round the preference would cost ℓ(− m − α (s_best − s_worst)).
// Metrics are TRL's: rewards are beta · h, not per token, whatever the loss.
import * as tf from '@tensorflow/tfjs-core';
import { hingeLoss } from './hinge-loss.ts';
import { ipoLoss } from './ipo-loss.ts';
import { checkLabelSmoothing, smoothedLoss } from './label-smoothing.ts';
import { coefficient, type Objective } from './objective.ts';
import { bestAndWorst, pairsOf, rewardMetrics, SIGN } from './pairs.ts';
import { checkPositive } from './positive.ts';
import { robustLoss } from './robust-loss.ts';
import { sigmoidLoss } from './sigmoid-loss.ts';

/** What a preference costs. */
export type DpoLossType = 'sigmoid' | 'hinge' | 'ipo' | 'robust' | 'sigmoid_norm';

/** How DPO weighs preferences. */
export interface DpoOptions {
  /** Inverse temperature of the implicit reward; 5.0 in the study of saturated data, 0.1 in TRL. */
  readonly beta: number;
  /** What a preference costs. Default sigmoid. */
  readonly lossType?: DpoLossType | undefined;
  /** Probability that a preference is the wrong way round, in [0, 0.5). Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** How far the margin must exceed zero for each unit by which the scores differ. Default 0. */
  readonly scoreMargin?: number | undefined;
}

interface Kind {
  readonly cost: (margins: tf.Tensor, beta: number) => tf.Tensor;
  /** What flipped labels make of a cost. Default: its expectation. */
  readonly underFlips?: typeof smoothedLoss;
  /** Whether log-ratios are means per token. */
  readonly perToken?: boolean;
}

const KINDS: Readonly<Record<DpoLossType, Kind>> = {
  sigmoid: { cost: sigmoidLoss },
  hinge: { cost: hingeLoss },
  ipo: { cost: ipoLoss, perToken: true },
  robust: { cost: sigmoidLoss, underFlips: robustLoss },
  sigmoid_norm: { cost: sigmoidLoss, perToken: true },
};

const OFFSET = 'offset';

/**
 * DPO. Groups whose best and worst scores are equal are dropped (the paper).
 *
 * @throws RangeError when beta is not positive, label smoothing is outside [0, 0.5) or the score margin is negative.
 */
export function dpo({
  beta,
  lossType = 'sigmoid',
  labelSmoothing = 0,
  scoreMargin = 0,
}: DpoOptions): Objective {
  checkPositive('beta', beta);
  checkLabelSmoothing(labelSmoothing);
  if (!(scoreMargin >= 0 && Number.isFinite(scoreMargin)))
    throw new RangeError(`the score margin must not be negative, got ${scoreMargin}`);
  const { cost, underFlips = smoothedLoss, perToken = false } = KINDS[lossType];
  return {
    name: lossType === 'sigmoid' ? 'dpo' : `dpo-${lossType}`,
    needsReference: true,
    coefficients: scoreMargin > 0 ? [SIGN, OFFSET] : [SIGN],
    example(group) {
      const pair = bestAndWorst(group);
      if (pair === undefined || scoreMargin === 0) return pair;
      const [best, worst] = pair.solutions.map((index) => group.scores[index] ?? NaN);
      const offset = scoreMargin * ((best ?? NaN) - (worst ?? NaN));
      return { ...pair, coefficients: { ...pair.coefficients, [OFFSET]: [offset, 0] } };
    },
    loss(input) {
      const pairs = pairsOf(input);
      const rewards = tf.mul(tf.sub(input.logprobs, input.reference), beta);
      const margins = pairs.difference(rewards);
      const compared = perToken ? pairs.difference(tf.div(rewards, input.tokens)) : margins;
      const offset = scoreMargin > 0 ? pairs.ofPair(coefficient(input, OFFSET)) : undefined;
      const costOf = (values: tf.Tensor): tf.Tensor =>
        cost(offset === undefined ? values : tf.sub(values, offset), beta);
      const losses = underFlips(costOf(compared), () => costOf(tf.neg(compared)), labelSmoothing);
      return {
        loss: pairs.mean(tf.mul(losses, pairs.used)),
        metrics: rewardMetrics(pairs, rewards, margins),
      };
    },
  };
}
