// Activation recomputation: what a function computes on its way is not kept for the gradient but computed once more (Chen et al. 2016).
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';

/**
 * Runs a function whose intermediate results are recomputed for its gradient: memory for its inputs instead of all of them, for
 * one more forward pass. Value and gradient are those of the function itself.
 *
 * @param inputs What the gradient is taken of; the first must have rank 2, and the function must use all of them.
 * @param constants Other tensors that the function reads.
 * @param body Computes one tensor; it must read no tensor but its arguments and those that outlive the gradient.
 */
export function recomputed(
  inputs: readonly tf.Tensor[],
  constants: readonly tf.Tensor[],
  body: (inputs: tf.Tensor[], constants: tf.Tensor[]) => tf.Tensor,
): tf.Tensor {
  const run = tf.customGrad((...args) => {
    const save = args.at(-1);
    const given = args.filter((arg) => arg instanceof tf.Tensor);
    if (typeof save !== 'function') throw new TypeError('recomputed takes tensors');
    save([...given, ...constants]);
    return {
      value: body(given, [...constants]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [first, ...others] = saved.slice(0, inputs.length);
        if (!first) throw new TypeError('recomputed takes at least one input');
        // The tracer, and ONNX Runtime too, would find the forward pass again and keep it: it must depend on the gradient that
        // arrives, which also puts it off until then.
        const late = isTracing() ? tf.add(first, tf.mul(tf.slice(dy, [0, 0], [1, 1]), 0)) : first;
        const { state } = tf.engine();
        const tape = state.activeTape;
        try {
          return tf.grads((...again: tf.Tensor[]) => body(again, saved.slice(inputs.length)))(
            [late, ...others],
            dy,
          );
        } finally {
          // A gradient within a gradient ends the tape of both.
          state.activeTape = tape;
        }
      },
    };
  });
  return run(...inputs);
}
