// A TensorFlow.js backend that computes nothing: its kernels append ONNX operators to the graph being traced and
// return tensors that have a shape and a dtype, and no values. Think of it as a pen that TensorFlow.js holds.
//
// Broadcasts are lazy: a tensor's value in the graph (its *stored* shape) may be smaller than the tensor's shape,
// as long as it broadcasts to it. Elementwise operators take it as it is; others have it expanded first. The
// gradients of sums, which multiply by ones of the full shape, cost nothing that way.
import * as tf from '@tensorflow/tfjs-core';
import {
  type Attribute,
  type DType,
  type Graph,
  type TensorData,
  type TensorSpec,
  type Value,
} from './graph.ts';

/** Name under which the backend is registered with TensorFlow.js. */
export const TRACE_BACKEND = 'overtone-trace';

/** A value in the graph and the tensor shape that it stands for. */
export interface Traced {
  readonly stored: Value;
  readonly shape: readonly number[];
}

const TFJS_TO_GRAPH: Partial<Record<tf.DataType, DType>> = {
  float32: 'float32',
  int32: 'int32',
  bool: 'bool',
};

function graphDType(dtype: tf.DataType): DType {
  const known = TFJS_TO_GRAPH[dtype];
  if (!known) throw new TypeError(`Cannot trace a tensor of dtype ${dtype}; use float32, int32 or bool`);
  return known;
}

/** The shape that results from broadcasting shapes against one another. */
export function broadcastShape(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    if (new Set(sizes).size > 1)
      throw new RangeError(`Shapes ${shapes.map((s) => `[${s.join()}]`).join(' and ')} do not broadcast`);
    return sizes[0] ?? 1;
  });
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** The backend; holds the graph that is being traced. */
export class TraceBackend extends tf.KernelBackend {
  private traced = new WeakMap<object, Traced>();
  private current: Graph | undefined;
  private count = 0;

  /** The graph being traced. Throws outside of a trace. */
  get graph(): Graph {
    if (!this.current) throw new Error('No trace is running: call tensors of this backend within trace()');
    return this.current;
  }

  /** Whether a trace is running. */
  get tracing(): boolean {
    return this.current !== undefined;
  }

  /** Runs `body` while `graph` receives the operators. */
  record(graph: Graph, body: () => void): void {
    if (this.current) throw new Error('A trace is already running in this thread: traces do not nest');
    this.current = graph;
    try {
      body();
    } finally {
      this.current = undefined;
      this.traced = new WeakMap();
    }
  }

  override numDataIds(): number {
    return this.count;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
  override timerAvailable(): boolean {
    return false;
  }
  override incRef(): void {}
  override disposeData(dataId: object): boolean {
    if (this.traced.delete(dataId)) this.count--;
    return true;
  }
  override refCount(dataId: object): number {
    return this.traced.has(dataId) ? 1 : 0;
  }
  override read(): Promise<tf.BackendValues> {
    return Promise.reject(
      new Error('A traced tensor has no values yet: return it from trace() and run the program'),
    );
  }
  override readSync(): tf.BackendValues {
    throw new Error('A traced tensor has no values yet: return it from trace() and run the program');
  }
  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.keep(dataId, this.literal(values, shape, dtype));
    return dataId;
  }
  override move(dataId: object, values: tf.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.keep(dataId, this.literal(values, shape, dtype));
  }

  /** The value that a tensor stands for. */
  lookup(info: tf.TensorInfo): Traced {
    const traced = this.traced.get(info.dataId);
    if (!traced) throw new Error('A tensor from outside of this trace was used: pass it as an input');
    return sameShape(traced.shape, info.shape)
      ? traced
      : { stored: this.reshaped(traced, info.shape), shape: info.shape };
  }

  /** A value with its full shape. */
  materialise({ stored, shape }: Traced): Value {
    if (sameShape(stored.shape, shape)) return stored;
    return this.one('Expand', [stored, this.int64s(shape)], { dtype: stored.dtype, shape });
  }

  /** A tensor of this backend for a value. `shape` defaults to the stored one; `dtype` is TensorFlow.js's view of it. */
  tensor(stored: Value, shape: readonly number[] = stored.shape): tf.TensorInfo {
    const dataId = {};
    this.keep(dataId, { stored, shape });
    const { dtype } = stored;
    return {
      dataId,
      shape: [...shape],
      dtype:
        dtype === 'int64' || dtype === 'uint8' || dtype === 'int8'
          ? 'int32'
          : dtype === 'float16'
            ? 'float32'
            : dtype,
    };
  }

  /** Emits an operator with one output. */
  one(
    op: string,
    inputs: readonly (Value | undefined)[],
    output: TensorSpec,
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): Value {
    const [value] = this.graph.emit(op, inputs, [output], attributes, domain);
    if (!value) throw new Error(`Operator ${op} has no output`);
    return value;
  }

  /** A one-dimensional int64 constant: shapes, axes, indices. */
  int64s(values: readonly number[]): Value {
    return this.graph.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A float32 scalar constant. */
  float(value: number): Value {
    return this.graph.constant('float32', [], Float32Array.of(value));
  }

  private reshaped(traced: Traced, shape: readonly number[]): Value {
    if (traced.stored.shape.length === 0) return traced.stored;
    return this.one('Reshape', [this.materialise(traced), this.int64s(shape)], {
      dtype: traced.stored.dtype,
      shape,
    });
  }

  private keep(dataId: object, traced: Traced): void {
    if (!this.traced.has(dataId)) this.count++;
    this.traced.set(dataId, traced);
  }

  private literal(values: tf.BackendValues, shape: readonly number[], tfDType: tf.DataType): Traced {
    const dtype = graphDType(tfDType);
    const numbers =
      values instanceof Uint8Array || values instanceof Int32Array || values instanceof Float32Array
        ? values
        : undefined;
    if (!numbers) throw new TypeError('Cannot trace string tensors');
    const uniform = numbers.length > 0 && numbers.every((value) => value === numbers[0]);
    const kept: ArrayLike<number> = uniform ? numbers.subarray(0, 1) : numbers;
    const data: TensorData =
      dtype === 'float32'
        ? Float32Array.from(kept)
        : dtype === 'int32'
          ? Int32Array.from(kept)
          : Uint8Array.from(kept);
    return { stored: this.graph.constant(dtype, uniform ? [] : shape, data), shape };
  }
}

const backend = new TraceBackend();
tf.registerBackend(TRACE_BACKEND, () => backend);

/** The backend of this thread. */
export function traceBackend(): TraceBackend {
  return backend;
}

/** Whether operators are being traced now, rather than computed. */
export function isTracing(): boolean {
  return backend.tracing;
}
