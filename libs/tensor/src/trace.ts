// Tracing: a function of tensors, run once on symbols, becomes a graph.
import * as tf from '@tensorflow/tfjs-core';
import './gradients.ts';
import './kernels/index.ts';
import { Graph, type TensorSpec } from './graph.ts';
import { TRACE_BACKEND, traceBackend } from './trace-backend.ts';

/**
 * Records what `body` does to its inputs.
 *
 * @param inputs Shape and element type of every named input.
 * @param body A function written with TensorFlow.js operators. It is called once, on tensors without values; it must not
 *   read values, and must draw no random numbers. It may take gradients.
 * @returns The graph of the outputs that `body` returns, by their names. Outputs may not carry the name of an input.
 * @throws {Error} when an operator has no kernel in the tracing backend, when a value is read, or when traces nest.
 */
export function trace(
  inputs: Readonly<Record<string, TensorSpec>>,
  body: (inputs: Record<string, tf.Tensor>) => Record<string, tf.Tensor>,
): Graph {
  const graph = new Graph();
  const backend = traceBackend();
  const previous = tf.engine().backendName;
  backend.record(graph, () => {
    void tf.setBackend(TRACE_BACKEND);
    try {
      tf.tidy(() => {
        const symbols = Object.fromEntries(
          Object.entries(inputs).map(([name, spec]) => [
            name,
            tf.engine().makeTensorFromTensorInfo(backend.tensor(graph.input(name, spec))),
          ]),
        );
        for (const [name, tensor] of Object.entries(body(symbols))) {
          if (name in inputs) throw new Error(`Output ${name} carries the name of an input: rename it`);
          graph.outputs.set(name, backend.materialise(backend.lookup(tensor)));
        }
      });
    } finally {
      if (previous) void tf.setBackend(previous);
    }
  });
  return graph;
}
