// Sums over long rows, by blocks: exact enough for vocabularies of 150 000, where a running float32 sum is not, and in the same order
// wherever a row lies in memory.
import * as tf from '@tensorflow/tfjs-core';

/**
 * Sums of consecutive blocks of each row.
 *
 * @param x [rows, n]; n must be a multiple of `width`.
 * @returns [rows, n / width].
 */
export function blockSums(x: tf.Tensor, width: number): tf.Tensor2D {
  const [rows = 0, length = 0] = x.shape;
  const blocks = length / width;
  // A product with ones: a plain reduction's order depends on a row's alignment.
  return tf.reshape(tf.matMul(tf.reshape(x, [rows * blocks, width]), tf.ones([width, 1])), [rows, blocks]);
}

/** The sum of each row of sums: [rows, blocks] → [rows]. */
export function totals(sums: tf.Tensor2D): tf.Tensor1D {
  const [rows, blocks] = sums.shape;
  return tf.reshape(blocks === 1 ? sums : tf.matMul(sums, tf.ones([blocks, 1])), [rows]);
}
