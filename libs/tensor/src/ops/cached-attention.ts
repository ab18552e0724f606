// Attention of one new token a sequence to itself and to what is cached of its sequence, its own key and value being put into the cache.
import * as tf from '@tensorflow/tfjs-core';
import { emitFused } from './fused.ts';
import { type RotaryTable } from './rotary-embedding.ts';

/** What attends. */
export interface CachedAttentionInput {
  /** [batch, heads · headDim], before rotation. */
  readonly query: tf.Tensor2D;
  /** [batch, kvHeads · headDim], before rotation. */
  readonly key: tf.Tensor2D;
  /** [batch, kvHeads · headDim]. */
  readonly value: tf.Tensor2D;
  /** Rotated keys of earlier tokens, [batch, kvHeads, capacity, headDim]. */
  readonly cachedKeys: tf.Tensor4D;
  /** [batch, kvHeads, capacity, headDim]. */
  readonly cachedValues: tf.Tensor4D;
  /** Cached positions of each sequence, below the capacity: [batch], int32. */
  readonly lengths: tf.Tensor1D;
  readonly table: RotaryTable;
}

/** What comes out. */
export interface CachedAttentionOutput {
  /** [batch, heads · headDim]. */
  readonly mixed: tf.Tensor2D;
  /** The cache with the new token; a program that gives it the memory of the old one copies nothing. */
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
}

/**
 * Grouped-query attention with rotary embedding, scaled by 1/√headDim, over as many positions as each sequence has: what lies beyond them
 * plays no part. Only while tracing: eagerly, models attend with `decode`'s other cache.
 */
export function cachedAttention({
  query,
  key,
  value,
  cachedKeys,
  cachedValues,
  lengths,
  table,
}: CachedAttentionInput): CachedAttentionOutput {
  const [batch, width] = query.shape;
  const [, kvHeads, capacity, headDim] = cachedKeys.shape;
  const one = (x: tf.Tensor2D): tf.Tensor => tf.reshape(x, [batch, 1, x.shape[1]]);
  const total = tf.tensor1d([capacity], 'int32');
  const [mixed, keys, values] = emitFused(
    [one(query), one(key), one(value), cachedKeys, cachedValues, lengths, total, table.cos, table.sin],
    (backend, ...inputs) =>
      backend.graph.emit(
        'GroupQueryAttention',
        inputs,
        [
          { dtype: 'float32', shape: [batch, 1, width] },
          { dtype: 'float32', shape: cachedKeys.shape },
          { dtype: 'float32', shape: cachedValues.shape },
        ],
        {
          num_heads: { int: width / headDim },
          kv_num_heads: { int: kvHeads },
          scale: { float: 1 / Math.sqrt(headDim) },
          do_rotary: { int: 1 },
        },
        'com.microsoft',
      ),
  );
  if (!mixed || !keys || !values) throw new Error('Attention returned nothing');
  return {
    mixed: tf.reshape(mixed, [batch, width]),
    keys: keys as tf.Tensor4D,
    values: values as tf.Tensor4D,
  };
}
