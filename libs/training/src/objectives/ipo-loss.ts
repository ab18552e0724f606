// What a preference costs in IPO (Azar et al. 2023, equation 17): ℓ(m) = (m / beta − 1 / (2 beta))², with m / beta the difference of the
// mean log-ratios per token (TRL, after the authors) and beta what the paper calls τ. It is least at m = 1/2: margins do not grow on.
import * as tf from '@tensorflow/tfjs-core';

/** Cost of each margin, any shape. @param beta what the margins were multiplied by. */
export function ipoLoss(margins: tf.Tensor, beta: number): tf.Tensor {
  return tf.square(tf.div(tf.sub(margins, 0.5), beta));
}
