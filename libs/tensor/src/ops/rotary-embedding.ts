// Rotary position embedding: pairs (x_i, x_{i + d/2}) turn by an angle that grows with the position.
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';
import { emitOne } from './fused.ts';

/** Cosines and sines of every position: [positions, headDim / 2] each. */
export interface RotaryTable {
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
}

/**
 * The table for positions 0 … `length` − 1 with angles position · inverseFrequencies[i], rounded to float32 as the models
 * that were trained with them have it; cosines and sines are multiplied by `scale`.
 * Call it within the trace, or the eager scope, that uses it.
 */
export function rotaryTable(length: number, inverseFrequencies: readonly number[], scale = 1): RotaryTable {
  const half = inverseFrequencies.length;
  const table = (f: (angle: number) => number): tf.Tensor2D =>
    tf.tensor2d(
      Float32Array.from(
        { length: length * half },
        (_, index) =>
          scale * f(Math.fround(Math.floor(index / half) * (inverseFrequencies[index % half] ?? 0))),
      ),
      [length, half],
    );
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

function rotate(x: tf.Tensor4D, positions: tf.Tensor2D, cos: tf.Tensor2D, sin: tf.Tensor2D): tf.Tensor4D {
  if (isTracing()) {
    return emitOne([x, positions, cos, sin], (backend, xValue, positionValue, cosValue, sinValue) => {
      if (!xValue || !positionValue) throw new Error('rotaryEmbedding needs an input and positions');
      const indices = backend.one(
        'Cast',
        [positionValue],
        { dtype: 'int64', shape: positionValue.shape },
        { to: { int: 7 } },
      );
      return backend.one(
        'RotaryEmbedding',
        [xValue, indices, cosValue, sinValue],
        xValue,
        {},
        'com.microsoft',
      );
    });
  }
  const half = cos.shape[1];
  const at = (table: tf.Tensor2D): tf.Tensor => tf.expandDims(tf.gather(table, positions), 1);
  const first = tf.slice(x, [0, 0, 0, 0], [-1, -1, -1, half]);
  const second = tf.slice(x, [0, 0, 0, half], [-1, -1, -1, half]);
  const [c, s] = [at(cos), at(sin)];
  return tf.concat(
    [tf.sub(tf.mul(first, c), tf.mul(second, s)), tf.add(tf.mul(second, c), tf.mul(first, s))],
    -1,
  );
}

/**
 * Rotary position embedding (Su et al. 2021) in the half-split layout of Hugging Face's checkpoints.
 *
 * @param x [batch, heads, length, headDim].
 * @param positions [batch, length], int32, each below the table's length.
 * @returns The shape of x.
 */
export function rotaryEmbedding(x: tf.Tensor4D, positions: tf.Tensor2D, table: RotaryTable): tf.Tensor4D {
  const turn = tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || typeof save !== 'function')
      throw new TypeError('rotaryEmbedding takes a tensor');
    save([positions, table.cos, table.sin]);
    return {
      value: rotate(input as tf.Tensor4D, positions, table.cos, table.sin),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [at, cos, sin] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
        return [rotate(dy as tf.Tensor4D, at, cos, tf.neg(sin))];
      },
    };
  });
  return turn(x);
}
