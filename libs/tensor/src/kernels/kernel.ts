// How a kernel of the tracing backend is declared: one function from traced inputs to a traced output.
import * as tf from '@tensorflow/tfjs-core';
import { TRACE_BACKEND, traceBackend, type TraceBackend, type Traced } from '../trace-backend.ts';

/** What a kernel function sees. */
export interface KernelCall {
  readonly backend: TraceBackend;
  /** A named input. */
  input(name: string): Traced;
  /** A named input with its full shape. */
  full(name: string): ReturnType<TraceBackend['materialise']>;
  /** A list input (Concat, AddN, Pack). */
  list(): Traced[];
  /** A number attribute. */
  number(name: string): number;
  /** A boolean attribute; false when absent. */
  flag(name: string): boolean;
  /** A list-of-numbers attribute. */
  numbers(name: string): number[];
  /** Any attribute. */
  attribute(name: string): unknown;
}

/** Registers a kernel with the tracing backend. `trace` returns the output tensor, or tensors. */
export function kernel(name: string, trace: (call: KernelCall) => tf.TensorInfo | tf.TensorInfo[]): void {
  tf.registerKernel({
    kernelName: name,
    backendName: TRACE_BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const backend = traceBackend();
      const attribute = (key: string): unknown => attrs?.[key];
      const input = (key: string): Traced => {
        const info = inputs[key];
        if (!info) throw new TypeError(`Kernel ${name} needs input ${key}`);
        return backend.lookup(info);
      };
      return trace({
        backend,
        input,
        full: (key) => backend.materialise(input(key)),
        list: () =>
          Object.keys(inputs)
            .sort((a, b) => Number(a) - Number(b))
            .map(input),
        number: (key) => {
          const value = attribute(key);
          if (typeof value !== 'number') throw new TypeError(`Kernel ${name} needs number ${key}`);
          return value;
        },
        flag: (key) => attribute(key) === true,
        numbers: (key) => {
          const value = attribute(key);
          const list: unknown[] = Array.isArray(value) ? value : [value];
          if (!list.every((item) => typeof item === 'number'))
            throw new TypeError(`Kernel ${name} needs numbers ${key}`);
          return list;
        },
        attribute,
      });
    },
  });
}
