// A tensor as a constant of the loss: its value, without a gradient.
import * as tf from '@tensorflow/tfjs-core';

/** The same values, through which no gradient flows. */
export function stopGradient<Rank extends tf.Tensor>(values: Rank): Rank {
  return tf.customGrad((input) => {
    if (!(input instanceof tf.Tensor)) throw new TypeError('stopGradient takes a tensor');
    return { value: tf.clone(input), gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy) };
  })(values) as Rank;
}
