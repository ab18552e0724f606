// Label smoothing: the probability ε that a preference is the wrong way round, as objectives take it; and what it makes of a
// preference's cost in conservative DPO (Mitchell 2023), its expectation over flips: with ℓ⁺ the cost as it is and ℓ⁻ the cost the other
// way round, (1 − ε) ℓ⁺ + ε ℓ⁻. With ℓ = − log σ it is least at a margin of log((1 − ε) / ε).
import * as tf from '@tensorflow/tfjs-core';

/** Checks it. Throws a RangeError unless it lies in [0, 0.5): at one half a preference says nothing. */
export function checkLabelSmoothing(labelSmoothing: number): number {
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5))
    throw new RangeError(
      `label smoothing must lie in [0, 0.5), got ${labelSmoothing}; a signal that is wrong half of the time has nothing to teach`,
    );
  return labelSmoothing;
}

/**
 * The expected cost over flips.
 *
 * @param right ℓ⁺, any shape.
 * @param wrong ℓ⁻, the same shape; not computed where label smoothing is 0.
 * @param labelSmoothing ε in [0, 0.5); 0 leaves ℓ⁺ as it is.
 */
export function smoothedLoss(right: tf.Tensor, wrong: () => tf.Tensor, labelSmoothing: number): tf.Tensor {
  if (labelSmoothing === 0) return right;
  return tf.add(tf.mul(right, 1 - labelSmoothing), tf.mul(wrong(), labelSmoothing));
}
