// Log-probabilities of given tokens, and entropies, from logits.
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';
import { emitOne } from './fused.ts';

/** Log-softmax over the last axis, without a gradient of its own: [rows, vocabulary], nats. */
export function logProbabilities(logits: tf.Tensor2D): tf.Tensor2D {
  if (!isTracing()) return tf.logSoftmax(logits);
  return emitOne([logits], (backend, value) => {
    if (!value) throw new Error('logProbabilities needs logits');
    return backend.one('LogSoftmax', [value], value, { axis: { int: -1 } });
  });
}

function pick(rows: tf.Tensor2D, tokens: tf.Tensor1D): tf.Tensor1D {
  if (isTracing()) {
    return emitOne([rows, tokens], (backend, rowsValue, tokenValue) => {
      if (!rowsValue || !tokenValue) throw new Error('tokenLogprobs needs logits and tokens');
      const column = backend.one('Unsqueeze', [tokenValue, backend.int64s([1])], {
        dtype: 'int32',
        shape: [...tokenValue.shape, 1],
      });
      const picked = backend.one(
        'GatherElements',
        [rowsValue, column],
        { dtype: 'float32', shape: column.shape },
        { axis: { int: 1 } },
      );
      return backend.one('Squeeze', [picked, backend.int64s([1])], {
        dtype: 'float32',
        shape: tokenValue.shape,
      });
    });
  }
  return tf.sum(tf.mul(rows, tf.oneHot(tokens, rows.shape[1])), 1);
}

function addAt(rows: tf.Tensor2D, tokens: tf.Tensor1D, amounts: tf.Tensor1D): tf.Tensor2D {
  if (isTracing()) {
    return emitOne([rows, tokens, amounts], (backend, rowsValue, tokenValue, amountValue) => {
      if (!rowsValue || !tokenValue || !amountValue)
        throw new Error('tokenLogprobs needs rows, tokens and amounts');
      const column = (value: typeof tokenValue): typeof tokenValue =>
        backend.one('Unsqueeze', [value, backend.int64s([1])], {
          dtype: value.dtype,
          shape: [...value.shape, 1],
        });
      return backend.one('ScatterElements', [rowsValue, column(tokenValue), column(amountValue)], rowsValue, {
        axis: { int: 1 },
        reduction: { string: 'add' },
      });
    });
  }
  return tf.add(rows, tf.mul(tf.oneHot(tokens, rows.shape[1]), tf.expandDims(amounts, 1)));
}

/**
 * log p(token) of each row's token under softmax(logits), nats. The gradient is (one-hot − softmax) · dy.
 *
 * @param logits [rows, vocabulary].
 * @param tokens [rows], int32.
 * @returns [rows].
 */
export function tokenLogprobs(logits: tf.Tensor2D, tokens: tf.Tensor1D): tf.Tensor1D {
  const pickLogprobs = tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || typeof save !== 'function')
      throw new TypeError('tokenLogprobs takes logits');
    const logprobs = logProbabilities(input as tf.Tensor2D);
    save([logprobs, tokens]);
    return {
      value: pick(logprobs, tokens),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [rows, picked] = saved as [tf.Tensor2D, tf.Tensor1D];
        const amounts = dy as tf.Tensor1D;
        return [addAt(tf.mul(tf.exp(rows), tf.expandDims(tf.neg(amounts), 1)), picked, amounts)];
      },
    };
  });
  return pickLogprobs(logits);
}

/**
 * Entropy of softmax(logits) over the full vocabulary, nats.
 *
 * @param logits [rows, vocabulary].
 * @returns [rows].
 */
export function entropies(logits: tf.Tensor2D): tf.Tensor1D {
  const [rows, vocabulary] = logits.shape;
  const terms = tf.mul(tf.softmax(logits), logProbabilities(logits));
  // A product with ones sums every row in the same order wherever it lies in memory; a plain reduction does not.
  return tf.neg(tf.reshape(tf.matMul(terms, tf.ones([vocabulary, 1])), [rows]));
}
