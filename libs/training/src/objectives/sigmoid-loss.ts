// The sigmoid loss of a preference, and with label smoothing that of conservative DPO (Mitchell 2023): with L(m) = − log σ(m) and
// ε the probability that the preference is the wrong way round, (1 − ε) L(m) + ε L(−m). It is least at m = log((1 − ε) / ε).
import * as tf from '@tensorflow/tfjs-core';

/** Loss of each margin, any shape. @param labelSmoothing ε; 0 is plain DPO, the default of everything that takes it. */
export function sigmoidLoss(margins: tf.Tensor, labelSmoothing: number): tf.Tensor {
  const right = tf.softplus(tf.neg(margins));
  if (labelSmoothing === 0) return right;
  return tf.add(tf.mul(right, 1 - labelSmoothing), tf.mul(tf.softplus(margins), labelSmoothing));
}
