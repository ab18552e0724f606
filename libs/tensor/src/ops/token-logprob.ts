// Log-probabilities of given tokens, normalisers and entropies, from logits.
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';
import { blockSums, totals } from './block-sums.ts';
import { emitOne } from './fused.ts';

/** Log-softmax over the last axis, without a gradient of its own: [rows, vocabulary], nats. */
export function logProbabilities(logits: tf.Tensor2D): tf.Tensor2D {
  if (!isTracing()) return tf.logSoftmax(logits);
  return emitOne([logits], (backend, value) => {
    if (!value) throw new Error('logProbabilities needs logits');
    return backend.one('LogSoftmax', [value], value, { axis: { int: -1 } });
  });
}

/** The number of each row at the column of its token: [rows, n] → [rows]. Without a gradient of its own. */
export function pick(rows: tf.Tensor2D, tokens: tf.Tensor1D): tf.Tensor1D {
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

/**
 * Adds an amount to each row at its token. Without a gradient of its own.
 *
 * @param axis The axis that tokens index; along the other one lie the rows. Default 1.
 */
export function addAt(
  rows: tf.Tensor2D,
  tokens: tf.Tensor1D,
  amounts: tf.Tensor1D,
  axis: 0 | 1 = 1,
): tf.Tensor2D {
  if (isTracing()) {
    return emitOne([rows, tokens, amounts], (backend, rowsValue, tokenValue, amountValue) => {
      if (!rowsValue || !tokenValue || !amountValue)
        throw new Error('tokenLogprobs needs rows, tokens and amounts');
      const column = (value: typeof tokenValue): typeof tokenValue =>
        backend.one('Unsqueeze', [value, backend.int64s([axis])], {
          dtype: value.dtype,
          shape: axis === 1 ? [...value.shape, 1] : [1, ...value.shape],
        });
      return backend.one('ScatterElements', [rowsValue, column(tokenValue), column(amountValue)], rowsValue, {
        axis: { int: axis },
        reduction: { string: 'add' },
      });
    });
  }
  const placed = tf.mul(tf.oneHot(tokens, rows.shape[axis]), tf.expandDims(amounts, 1));
  return tf.add(rows, axis === 1 ? placed : tf.transpose(placed));
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

/** Logits of a block, in sums over the vocabulary. */
const BLOCK = 256;
/** Added where a vocabulary does not fill its last block: far below every logit, and finite. */
const ABSENT = -1e9;

/** What `softmaxSums` returns. */
export interface SoftmaxSums {
  /** The largest logit: [rows, 1]. */
  readonly peak: tf.Tensor;
  /** logit − peak, padded to whole blocks: [rows, blocks · blockWidth]. */
  readonly centred: tf.Tensor;
  /** Σ exp(logit − peak) of every block: [rows, blocks]. */
  readonly masses: tf.Tensor2D;
  /** Σ exp(logit − peak): [rows]. */
  readonly normaliser: tf.Tensor1D;
  /** Mean of logit − peak under softmax(logits): [rows]. The entropy is log normaliser − mean, nats. */
  readonly mean: tf.Tensor1D;
}

/** Logits of a block of a vocabulary. */
export function blockWidth(vocabulary: number): number {
  return Math.min(BLOCK, vocabulary);
}

/**
 * Normaliser and entropy of softmax(logits) over the full vocabulary, centred on the largest logit and summed by blocks. Over 150 000
 * logits a plain float32 sum is off by 4e-4 nats, this one by 1e-5.
 *
 * @param logits [rows, vocabulary].
 */
export function softmaxSums(logits: tf.Tensor2D): SoftmaxSums {
  const [, vocabulary] = logits.shape;
  const width = blockWidth(vocabulary);
  const missing = Math.ceil(vocabulary / width) * width - vocabulary;
  const none: [number, number] = [0, 0];
  const padded = missing === 0 ? logits : tf.pad(logits, [none, [0, missing]], ABSENT);
  const peak = tf.max(logits, 1, true);
  const centred = tf.sub(padded, peak);
  const weights = tf.exp(centred);
  const masses = blockSums(weights, width);
  const normaliser = totals(masses);
  const mean = tf.div<tf.Tensor1D>(totals(blockSums(tf.mul(weights, centred), width)), normaliser);
  return { peak, centred, masses, normaliser, mean };
}

/**
 * Entropy of softmax(logits) over the full vocabulary, nats.
 *
 * @param logits [rows, vocabulary].
 * @returns [rows].
 */
export function entropies(logits: tf.Tensor2D): tf.Tensor1D {
  const { normaliser, mean } = softmaxSums(logits);
  return tf.sub(tf.log(normaliser), mean);
}
