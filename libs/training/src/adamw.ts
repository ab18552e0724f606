// AdamW (Loshchilov & Hutter 2019) over one flat vector of parameters, with global-norm clipping.
import * as tf from '@tensorflow/tfjs-core';

/** Settings that are compiled into a step. */
export interface AdamWOptions {
  /** Decay of the first moment. Default 0.9. */
  readonly beta1: number;
  /** Decay of the second moment. Default 0.999. */
  readonly beta2: number;
  /** Decoupled weight decay. Default 0. */
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 does not clip. Default 1. */
  readonly maxGradNorm: number;
}

/** PyTorch's epsilon. */
const EPSILON = 1e-8;

/** What a step knows of its place: all scalars. */
export interface StepScalars {
  readonly learningRate: tf.Tensor;
  /** 1 − beta1^step. */
  readonly correction1: tf.Tensor;
  /** 1 − beta2^step. */
  readonly correction2: tf.Tensor;
}

/** One update of [n] parameters; returns their new values and moments, and the gradient's norm before clipping. */
export function adamw(
  theta: tf.Tensor1D,
  first: tf.Tensor1D,
  second: tf.Tensor1D,
  gradient: tf.Tensor1D,
  scalars: StepScalars,
  options: AdamWOptions,
): { theta: tf.Tensor; first: tf.Tensor; second: tf.Tensor; gradNorm: tf.Tensor } {
  const gradNorm = tf.sqrt(tf.sum(tf.square(gradient)));
  // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
  const clip = tf.minimum(tf.div(options.maxGradNorm, tf.add(gradNorm, 1e-6)), 1);
  const clipped = options.maxGradNorm > 0 ? tf.mul(gradient, clip) : gradient;
  const nextFirst = tf.add(tf.mul(first, options.beta1), tf.mul(clipped, 1 - options.beta1));
  const nextSecond = tf.add(tf.mul(second, options.beta2), tf.mul(tf.square(clipped), 1 - options.beta2));
  const direction = tf.div(
    tf.div(nextFirst, scalars.correction1),
    tf.add(tf.sqrt(tf.div(nextSecond, scalars.correction2)), EPSILON),
  );
  const decayed = options.weightDecay > 0 ? tf.add(direction, tf.mul(theta, options.weightDecay)) : direction;
  return {
    theta: tf.sub(theta, tf.mul(decayed, scalars.learningRate)),
    first: nextFirst,
    second: nextSecond,
    gradNorm,
  };
}
