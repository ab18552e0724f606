// A preference in robust DPO (Chowdhury, Kini and Natarajan 2024): with ℓ⁺ its cost as it is, ℓ⁻ its cost the other way round, and ε the
// probability that it is the wrong way round, ((1 − ε) ℓ⁺ − ε ℓ⁻) / (1 − 2 ε). Over labels that are flipped so often its expectation
// is the cost of the true ones. Its gradient is larger by 1 / (1 − 2 ε), and it has no least value: margins grow as in plain DPO.
import * as tf from '@tensorflow/tfjs-core';

/**
 * The cost under labels that are flipped.
 *
 * @param right ℓ⁺, any shape.
 * @param wrong ℓ⁻, the same shape; not computed where label smoothing is 0.
 * @param labelSmoothing ε in [0, 0.5); 0 leaves ℓ⁺ as it is.
 */
export function robustLoss(right: tf.Tensor, wrong: () => tf.Tensor, labelSmoothing: number): tf.Tensor {
  if (labelSmoothing === 0) return right;
  const difference = tf.sub(tf.mul(right, 1 - labelSmoothing), tf.mul(wrong(), labelSmoothing));
  return tf.div(difference, 1 - 2 * labelSmoothing);
}
