// The seam for operators that are one ONNX operator when traced and a composite on every other backend.
import * as tf from '@tensorflow/tfjs-core';
import { type Value } from '../graph.ts';
import { traceBackend, type TraceBackend } from '../trace-backend.ts';

/** Emits operators on the full values of `tensors` and returns the results as tensors. Only while tracing. */
export function emitFused(
  tensors: readonly tf.Tensor[],
  emit: (backend: TraceBackend, ...values: Value[]) => readonly Value[],
): tf.Tensor[] {
  const backend = traceBackend();
  const values = tensors.map((tensor) => backend.materialise(backend.lookup(tensor)));
  return emit(backend, ...values).map((value) => tf.engine().makeTensorFromTensorInfo(backend.tensor(value)));
}

/** As `emitFused`, for a single result. */
export function emitOne<T extends tf.Tensor>(
  tensors: readonly tf.Tensor[],
  emit: (backend: TraceBackend, ...values: Value[]) => Value,
): T {
  const [result] = emitFused(tensors, (backend, ...values) => [emit(backend, ...values)]);
  if (!result) throw new Error('A fused operator must have a result');
  // The rank follows from the operator; TensorFlow.js's rank types are phantom.
  return result as T;
}

/** Unwraps the n-th tensor of a list. */
export function at(tensors: readonly tf.Tensor[], index: number): tf.Tensor {
  const tensor = tensors[index];
  if (!tensor) throw new RangeError(`Expected at least ${index + 1} tensors, got ${tensors.length}`);
  return tensor;
}
