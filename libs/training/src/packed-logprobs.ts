// The log-probability of every packed completion and of each of its tokens, with attention kept within each sequence.
import * as tf from '@tensorflow/tfjs-core';
import {
  causalBias,
  decode,
  headWeight,
  HIDDEN,
  type DecoderConfig,
  type Linear,
  type Trained,
  type Weights,
} from '@overtone/language-model';
import { gatherRows, linearTokenEntropies, linearTokenLogprobs } from '@overtone/tensor';

/** What a model says of packed completions, nats. */
export interface PackedCompletions {
  /** Sums of completion-token log-probabilities: one for each place of a sequence in the batch, 0 for an unused one; [sequences]. */
  readonly logprobs: tf.Tensor1D;
  /** Log-probability of each completion token; some number at an unused place; [targets]. */
  readonly tokens: tf.Tensor1D;
  /** 1 where a token belongs to a sequence, rows of zeros at unused places; [targets, sequences]. */
  readonly belongs: tf.Tensor2D;
  /** Completion tokens in the batch. */
  readonly count: tf.Scalar;
  /** The model's mean entropy where it predicts a completion token; without a gradient. */
  entropy(): tf.Scalar;
}

/** Sums of completion-token log-probabilities, see `packedCompletions`. */
export function packedLogprobs(...of: Parameters<typeof packedCompletions>): tf.Tensor1D {
  return packedCompletions(...of).logprobs;
}

/**
 * Log-probabilities of all completions and of their tokens.
 *
 * @param batch The tensors of `batchSpecs`.
 * @param checkpointing See `decode`. Default: everything is kept for the gradient.
 */
export function packedCompletions(
  config: DecoderConfig,
  weights: Weights,
  linear: Linear,
  batch: Readonly<Record<string, tf.Tensor>>,
  checkpointing?: Trained,
): PackedCompletions {
  const tensor = (name: string): tf.Tensor => {
    const found = batch[name];
    if (!found) throw new Error(`The batch has no ${name}`);
    return found;
  };
  const tokens = tensor('tokens') as tf.Tensor2D;
  const [rows, length] = tokens.shape;
  const asKeys = (name: string): tf.Tensor => tf.reshape(tensor(name), [rows, 1, 1, length]);
  const asQueries = (name: string): tf.Tensor => tf.reshape(tensor(name), [rows, 1, length, 1]);
  const sameTree = tf.equal(asQueries('trees'), asKeys('trees'));
  const sameBranch = tf.equal(asQueries('branches'), asKeys('branches'));
  const ofTrunk = tf.equal(asKeys('branches'), tf.scalar(0, 'int32'));
  const visible = tf.logicalAnd(sameTree, tf.logicalOr(sameBranch, ofTrunk));
  const bias = tf.where<tf.Tensor4D>(visible, causalBias(length), tf.fill([1, 1, 1, 1], HIDDEN));
  const input = { tokens, positions: tensor('positions') as tf.Tensor2D, bias };
  const { hidden } = decode(config, weights, linear, input, { positionLimit: length, checkpointing });
  // Only what predicts a completion token goes through the head.
  const predicting = gatherRows(hidden, tensor('target_rows') as tf.Tensor1D);
  const head = headWeight(config, weights);
  const logprobs = linearTokenLogprobs(predicting, head, tensor('target_tokens') as tf.Tensor1D);
  const places = tensor('sequence_tokens').shape[0] ?? 0;
  const owners = tf.equal(
    tf.expandDims(tensor('target_sequences'), 1),
    tf.reshape(
      tf.tensor1d(
        Int32Array.from({ length: places }, (_, place) => place),
        'int32',
      ),
      [1, places],
    ),
  );
  const belongs = tf.cast(owners, 'float32') as tf.Tensor2D;
  const count: tf.Scalar = tf.sum(belongs);
  return {
    logprobs: tf.reshape(tf.matMul(tf.reshape(logprobs, [1, -1]), belongs), [places]),
    tokens: logprobs,
    belongs,
    count,
    entropy: () => {
      const ofTokens = tf.reshape<tf.Rank.R2>(linearTokenEntropies(predicting, head), [1, -1]);
      return tf.div(tf.sum(tf.matMul(ofTokens, belongs)), count);
    },
  };
}
