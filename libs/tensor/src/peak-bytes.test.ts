import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { peakBytes } from './peak-bytes.ts';
import { trace } from './trace.ts';

const matrix = (rows: number, columns: number) => ({ dtype: 'float32', shape: [rows, columns] }) as const;

describe('peakBytes', () => {
  it('counts inputs once, and a result until its last reader', () => {
    // [4, 8] and [4, 16] are alive together, then [4, 16] and [4, 2].
    const graph = trace(
      { x: matrix(4, 2), a: matrix(2, 8), b: matrix(8, 16), c: matrix(16, 2) },
      (inputs) => {
        const { x, a, b, c } = inputs as Record<'x' | 'a' | 'b' | 'c', tf.Tensor2D>;
        return { y: tf.matMul(tf.matMul(tf.matMul(x, a), b), c) };
      },
    );
    expect(peakBytes(graph)).toMatchObject({
      inputs: 4 * (8 + 16 + 128 + 32),
      activations: 4 * (4 * 8 + 4 * 16),
    });
  });

  it('keeps what a later operator still needs', () => {
    const graph = trace({ x: matrix(8, 8) }, ({ x }) => {
      const first = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      const third = tf.matMul(tf.matMul(first, first), first);
      return { y: tf.matMul(third, first) };
    });
    // `first`, the one before and the one being computed.
    expect(peakBytes(graph).activations).toBe(3 * 4 * 64);
  });

  it('counts nothing for views, and for results that take the place of an input', () => {
    const plain = trace({ x: matrix(8, 8) }, ({ x }) => ({
      y: tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D),
    }));
    const dressed = trace({ x: matrix(8, 8) }, ({ x }) => {
      const product = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      return { y: tf.reshape(tf.exp(tf.reshape(product, [64])), [4, 16]) };
    });
    expect(peakBytes(dressed).activations).toBe(peakBytes(plain).activations);
  });

  it('does not overwrite what is read again, nor an input', () => {
    const graph = trace({ x: matrix(8, 8) }, ({ x }) => {
      const product = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      return { y: tf.matMul(tf.exp(product), product), z: tf.exp(x as tf.Tensor2D) };
    });
    expect(peakBytes(graph).activations).toBe(3 * 4 * 64);
  });
});
