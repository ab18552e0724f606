// The loss of a preference in robust DPO (Chowdhury, Kini and Natarajan 2024): with L(m) = − log σ(m) and ε the probability that a
// preference is the wrong way round, ((1 − ε) L(m) − ε L(−m)) / (1 − 2 ε). Over labels that are flipped so often its expectation is
// L(m) of the true ones. Its gradient is larger by 1 / (1 − 2 ε), and it has no least value: margins grow as in plain DPO.
import * as tf from '@tensorflow/tfjs-core';

/** Loss of each margin, any shape. @param labelSmoothing ε; 0 is plain DPO, the default of everything that takes it. */
export function robustLoss(margins: tf.Tensor, labelSmoothing: number): tf.Tensor {
  const right = tf.softplus(tf.neg(margins));
  if (labelSmoothing === 0) return right;
  const difference = tf.sub(tf.mul(right, 1 - labelSmoothing), tf.mul(tf.softplus(margins), labelSmoothing));
  return tf.div(difference, 1 - 2 * labelSmoothing);
}
