// The distribution of the next token: computed in the graph, with sums over blocks of the vocabulary that let a token be
// chosen without reading the whole row.
import * as tf from '@tensorflow/tfjs-core';
import { blockSums, blockWidth, float32, softmaxSums, type HostTensor } from '@overtone/tensor';

/** Most probable tokens that are listed in order. */
const TOP = 64;

/** The distribution of one row. */
export interface Distribution {
  /** [vocabulary]. */
  readonly logits: Float32Array;
  /** The largest logit. */
  readonly peak: number;
  /** log Σ exp(logit), so that log p = logit − logNormaliser, nats. */
  readonly logNormaliser: number;
  /** At temperature 1 over the full vocabulary, nats. */
  readonly entropy: number;
  /** Σ exp((logit − peak) / temperature) of every block of `blockWidth(vocabulary)` tokens. */
  readonly masses: Float32Array;
  /** The most probable tokens, in order; equal ones in the order of their ids. */
  readonly top: Int32Array;
}

/**
 * The outputs of a program from which `readDistributions` reads.
 *
 * @param logits [rows, vocabulary].
 * @param inverseTemperature A scalar; undefined for temperatures 0 and 1, which need no tempered sums.
 */
export function distributionOutputs(
  logits: tf.Tensor2D,
  inverseTemperature: tf.Tensor | undefined,
): Record<string, tf.Tensor> {
  const [rows, vocabulary] = logits.shape;
  const { peak, centred, masses, normaliser, mean } = softmaxSums(logits);
  return {
    logits,
    peak: tf.reshape(peak, [rows]),
    // Their logarithm is left to the reader: the last rows of a batch would get it with other last bits.
    normaliser,
    mean,
    masses: inverseTemperature
      ? blockSums(tf.exp(tf.mul(centred, inverseTemperature)), blockWidth(vocabulary))
      : masses,
    top: tf.topk(logits, Math.min(TOP, vocabulary)).indices,
  };
}

/** Reads rows of a program with `distributionOutputs`. */
export function readDistributions(
  outputs: Readonly<Record<string, HostTensor>>,
  vocabulary: number,
): (row: number) => Distribution {
  const output = (name: string): HostTensor => {
    const found = outputs[name];
    if (!found) throw new Error(`The program returned no ${name}`);
    return found;
  };
  const [logits, peaks, normalisers, means, masses] = ['logits', 'peak', 'normaliser', 'mean', 'masses'].map(
    (name) => float32(output(name)),
  );
  const top = output('top').data;
  if (!logits || !peaks || !normalisers || !means || !masses || !(top instanceof Int32Array))
    throw new TypeError('The program returned a distribution of other types');
  const blocks = Math.ceil(vocabulary / blockWidth(vocabulary));
  const listed = Math.min(TOP, vocabulary);
  return (row) => {
    const peak = peaks[row] ?? 0;
    const logMass = Math.log(normalisers[row] ?? 0);
    return {
      logits: logits.subarray(row * vocabulary, (row + 1) * vocabulary),
      peak,
      logNormaliser: peak + logMass,
      entropy: logMass - (means[row] ?? 0),
      masses: masses.subarray(row * blocks, (row + 1) * blocks),
      top: top.subarray(row * listed, (row + 1) * listed),
    };
  };
}
