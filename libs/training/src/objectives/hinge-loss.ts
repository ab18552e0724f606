// What a preference costs in SLiC (Zhao et al. 2023): ℓ(m) = max(0, 1 − m) of its margin m. A margin of one costs nothing, and moves
// nothing any more.
import * as tf from '@tensorflow/tfjs-core';

/** Cost of each margin, any shape. */
export function hingeLoss(margins: tf.Tensor): tf.Tensor {
  return tf.relu(tf.sub(1, margins));
}
