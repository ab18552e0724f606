// Dropout of what a LoRA adapter reads, as PEFT's lora_dropout: each number of a module's input is zero with probability p for the
// adapter alone, and the others grow by 1 / (1 − p). Solutions that share a prompt share its mask.
//
// One matrix of noise is fed a step, drawn from the seed and the step. A module's own uniform numbers are frac(k · noise), with another
// odd k for each: multiples of 2^-24 stay uniform under that, and two modules' masks are uncorrelated.
import * as tf from '@tensorflow/tfjs-core';
import { type DecoderConfig, type LoraConfig, loraShapes } from '@overtone/language-model';
import { seededRandom } from '@overtone/statistics';
import { hostTensor, type HostTensor, type TensorSpec } from '@overtone/tensor';
import { type BatchShape } from './packing.ts';

const RESOLUTION = 2 ** 24;

/** The noise of a batch: a row for each token, as wide as the widest input that is adapted. */
export function noiseSpec(config: DecoderConfig, lora: LoraConfig, { rows, length }: BatchShape): TensorSpec {
  const inputs = [...loraShapes(config, lora)]
    .filter(([name]) => name.includes('.lora_A.'))
    .map(([, [, input]]) => input);
  return { dtype: 'float32', shape: [rows * length, Math.max(...inputs)] };
}

/** Draws the noise of one run of a step's program. */
export function drawNoise({ shape }: TensorSpec, seed: number, step: number, run: number): HostTensor {
  const random = seededRandom('dropout', seed, step, run);
  const size = shape.reduce((product, length) => product * length, 1);
  const data = Float32Array.from({ length: size }, () => Math.floor(random() * RESOLUTION) / RESOLUTION);
  return hostTensor({ dtype: 'float32', shape }, data);
}

/** What drops of every module's input. @param modules The modules in their order. */
export function dropout(noise: tf.Tensor2D, p: number, modules: readonly string[]) {
  const place = new Map(modules.map((module, index) => [module, index]));
  return (module: string, x: tf.Tensor2D): tf.Tensor2D => {
    // From 101 on, so that neighbours in the noise do not stay neighbours.
    const multiple = 101 + 2 * (place.get(module) ?? 0);
    const own = tf.mul(tf.slice(noise, [0, 0], x.shape), multiple);
    const kept = tf.greaterEqual(tf.sub(own, tf.floor(own)), p);
    return tf.mul(x, tf.mul(tf.cast(kept, 'float32'), 1 / (1 - p)));
  };
}
