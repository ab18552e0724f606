// The log-probability of every packed completion, with attention kept within each sequence.
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
import { gatherRows, linearTokenLogprobs } from '@overtone/tensor';

/**
 * Sums of completion-token log-probabilities, nats: one for each place of a sequence in the batch, 0 for an unused one.
 *
 * @param batch The tensors of `batchSpecs`.
 * @param checkpointing See `decode`. Default: everything is kept for the gradient.
 * @returns [sequences].
 */
export function packedLogprobs(
  config: DecoderConfig,
  weights: Weights,
  linear: Linear,
  batch: Readonly<Record<string, tf.Tensor>>,
  checkpointing?: Trained,
): tf.Tensor1D {
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
  const logprobs = linearTokenLogprobs(
    predicting,
    headWeight(config, weights),
    tensor('target_tokens') as tf.Tensor1D,
  );
  const places = tensor('sequence_tokens').shape[0] ?? 0;
  const belongs = tf.equal(
    tf.expandDims(tensor('target_sequences'), 1),
    tf.reshape(
      tf.tensor1d(
        Int32Array.from({ length: places }, (_, place) => place),
        'int32',
      ),
      [1, places],
    ),
  );
  return tf.reshape(tf.matMul(tf.reshape(logprobs, [1, -1]), tf.cast(belongs, 'float32')), [places]);
}
