// Root-mean-square normalisation over the last axis: y = x / sqrt(mean(x²) + eps) · weight.
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';
import { at, emitFused } from './fused.ts';

function forward(x: tf.Tensor, weight: tf.Tensor, eps: number): [y: tf.Tensor, inverseRms: tf.Tensor] {
  if (isTracing()) {
    const [y, inverseRms] = emitFused([x, weight], (backend, xValue, weightValue) => {
      if (!xValue || !weightValue) throw new Error('rmsNorm needs an input and a weight');
      const reduced = { dtype: xValue.dtype, shape: xValue.shape.with(-1, 1) };
      const attributes = { axis: { int: -1 }, epsilon: { float: eps }, stash_type: { int: 1 } };
      return backend.graph.emit(
        'SimplifiedLayerNormalization',
        [xValue, weightValue],
        [xValue, reduced],
        attributes,
      );
    });
    if (y && inverseRms) return [y, inverseRms];
  }
  const inverseRms = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps));
  return [tf.mul(tf.mul(x, inverseRms), weight), inverseRms];
}

/**
 * RMSNorm (Zhang & Sennrich 2019).
 *
 * @param x […, d].
 * @param weight [d].
 * @param eps Added to the mean square.
 * @returns […, d].
 */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, eps: number): tf.Tensor {
  return tf.customGrad((input, scale, save) => {
    if (!(input instanceof tf.Tensor) || !(scale instanceof tf.Tensor) || typeof save !== 'function') {
      throw new TypeError('rmsNorm takes two tensors');
    }
    const [value, inverseRms] = forward(input, scale, eps);
    save([input, scale, inverseRms]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [xs, ws, inverse] = [at(saved, 0), at(saved, 1), at(saved, 2)];
        const normalised = tf.mul(xs, inverse);
        const scaled = tf.mul(dy, ws);
        const projection = tf.mean(tf.mul(scaled, normalised), -1, true);
        const dx = tf.mul(tf.sub(scaled, tf.mul(normalised, projection)), inverse);
        const leading = xs.shape.map((_, axis) => axis).slice(0, -1);
        return [dx, tf.sum(tf.mul(dy, normalised), leading)];
      },
    };
  })(x, weight);
}
