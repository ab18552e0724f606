// Entropies of the distributions under a linear head, from the logits that linearTokenLogprobs makes: when both are traced, those are
// the same operators, and an entropy costs one more product and one more sum over the vocabulary.
import * as tf from '@tensorflow/tfjs-core';
import { blockSums, totals } from './block-sums.ts';
import { LOGITS_AT_ONCE, piecesOf, rowsOf } from './linear-token-logprobs.ts';
import { entropies, logProbabilities } from './token-logprob.ts';

/** Blocks that a vocabulary is summed by: small enough to be exact, large enough to be a matrix product. */
const [NARROWEST, WIDEST] = [16, 512];

/** Largest divisor of a vocabulary within bounds; all of it where there is none. */
function divisor(vocabulary: number): number {
  for (let width = Math.min(WIDEST, vocabulary); width >= NARROWEST; width--)
    if (vocabulary % width === 0) return width;
  return vocabulary;
}

/**
 * Entropy of softmax(hidden · weightᵀ) of each row, nats; a number to report, without a gradient. Over 150 000 logits it is off by 5e-5.
 *
 * @param hidden [rows, d].
 * @param weight [vocabulary, d].
 * @param logitsAtOnce Most logits held at once; share work with `linearTokenLogprobs` by giving both the same. Default 2²³.
 * @returns [rows].
 */
export function linearTokenEntropies(
  hidden: tf.Tensor2D,
  weight: tf.Tensor2D,
  logitsAtOnce = LOGITS_AT_ONCE,
): tf.Tensor1D {
  const [rows] = hidden.shape;
  const [vocabulary] = weight.shape;
  if (rows * vocabulary > logitsAtOnce) {
    const pieces = piecesOf(rows, Math.max(1, Math.floor(logitsAtOnce / vocabulary)));
    return tf.concat(pieces.map((piece) => entropies(tf.matMul(rowsOf(hidden, piece), weight, false, true))));
  }
  const logprobs = logProbabilities(tf.matMul(hidden, weight, false, true));
  const terms = tf.mul(tf.exp(logprobs), logprobs);
  return tf.neg(totals(blockSums(terms, divisor(vocabulary))));
}
