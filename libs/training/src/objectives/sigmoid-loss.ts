// What a preference costs in DPO (Rafailov et al. 2023): ℓ(m) = − log σ(m) of its margin m.
import * as tf from '@tensorflow/tfjs-core';

/** Cost of each margin, any shape. */
export function sigmoidLoss(margins: tf.Tensor): tf.Tensor {
  return tf.softplus(tf.neg(margins));
}
