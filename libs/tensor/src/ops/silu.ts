// SiLU (swish): x · sigmoid(x).
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';
import { at, emitOne } from './fused.ts';

/** x · sigmoid(x), elementwise. */
export function silu(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || typeof save !== 'function')
      throw new TypeError('silu takes a tensor');
    const value: tf.Tensor = isTracing()
      ? emitOne([input], (backend, v) => {
          if (!v) throw new Error('silu needs an input');
          return backend.one('QuickGelu', [v], v, { alpha: { float: 1 } }, 'com.microsoft');
        })
      : tf.mul(input, tf.sigmoid(input));
    save([input, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const gate = tf.sigmoid(at(saved, 0));
        return [tf.mul(dy, tf.add(gate, tf.mul(at(saved, 1), tf.sub(1, gate))))];
      },
    };
  })(x);
}
