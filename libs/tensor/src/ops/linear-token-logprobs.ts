// Log-probabilities of tokens under a linear head, in pieces: the logits of all rows never exist at once, in neither direction.
import * as tf from '@tensorflow/tfjs-core';
import { addAt, pick, softmaxSums, tokenLogprobs } from './token-logprob.ts';

/** Logits held at once. */
export const LOGITS_AT_ONCE = 2 ** 23;

/** Consecutive rows that are computed at once. */
export interface Piece {
  readonly start: number;
  readonly size: number;
}

/** All rows, `size` at a time. */
export function piecesOf(rows: number, size: number): Piece[] {
  return Array.from({ length: Math.ceil(rows / size) }, (_, piece) => ({
    start: piece * size,
    size: Math.min(size, rows - piece * size),
  }));
}

/** A piece of a matrix. */
export const rowsOf = (x: tf.Tensor, { start, size }: Piece): tf.Tensor2D =>
  tf.slice(x as tf.Tensor2D, [start, 0], [size, -1]);
const itemsOf = (x: tf.Tensor, { start, size }: Piece): tf.Tensor1D =>
  tf.slice(x as tf.Tensor1D, [start], [size]);

/**
 * log p(token) of each row's token under softmax(hidden · weightᵀ), nats.
 *
 * With more than 8 million logits the rows are computed in pieces, whose logits are computed once more for the gradient: a third
 * more work in the head, for memory that does not grow with the rows.
 *
 * @param hidden [rows, d].
 * @param weight [vocabulary, d].
 * @param tokens [rows], int32.
 * @param logitsAtOnce Most logits held at once. Default 2²³.
 * @returns [rows].
 */
export function linearTokenLogprobs(
  hidden: tf.Tensor2D,
  weight: tf.Tensor2D,
  tokens: tf.Tensor1D,
  logitsAtOnce = LOGITS_AT_ONCE,
): tf.Tensor1D {
  const [rows] = hidden.shape;
  const [vocabulary] = weight.shape;
  if (rows * vocabulary <= logitsAtOnce) return tokenLogprobs(tf.matMul(hidden, weight, false, true), tokens);
  const pieces = piecesOf(rows, Math.max(1, Math.floor(logitsAtOnce / vocabulary)));
  const inPieces = tf.customGrad((states, head, save) => {
    if (!(states instanceof tf.Tensor) || !(head instanceof tf.Tensor) || typeof save !== 'function')
      throw new TypeError('linearTokenLogprobs takes two tensors');
    const forward = pieces.map((piece) => {
      const logits: tf.Tensor2D = tf.matMul(rowsOf(states, piece), head, false, true);
      const { peak, normaliser } = softmaxSums(logits);
      const logNormaliser = tf.add(tf.log(normaliser), tf.reshape(peak, [piece.size]));
      return {
        logNormaliser,
        logprobs: tf.sub<tf.Tensor1D>(pick(logits, itemsOf(tokens, piece)), logNormaliser),
      };
    });
    const logNormalisers = tf.concat(forward.map((piece) => piece.logNormaliser));
    save([states, head, tokens, logNormalisers]);
    return {
      value: tf.concat(forward.map((piece) => piece.logprobs)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [xs, ws, labels, normalisers] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
        const backward = pieces.map((piece) => {
          const x = rowsOf(xs, piece);
          const amounts = itemsOf(dy, piece);
          // The other way round than forward, or the tracer would see the same logits and keep them.
          const logits = tf.matMul(ws, x, false, true);
          const probabilities = tf.exp(tf.sub(logits, tf.reshape(itemsOf(normalisers, piece), [1, -1])));
          const unlabelled = tf.mul(probabilities, tf.reshape(tf.neg(amounts), [1, -1]));
          const gradient = addAt(unlabelled as tf.Tensor2D, itemsOf(labels, piece), amounts, 0);
          return {
            states: tf.matMul(gradient, ws, true, false),
            head: tf.matMul(gradient, x),
          };
        });
        return [
          tf.concat(backward.map((piece) => piece.states)),
          backward.map((piece) => piece.head).reduce((sum, piece) => tf.add(sum, piece)),
        ];
      },
    };
  });
  return inPieces(hidden, weight);
}
