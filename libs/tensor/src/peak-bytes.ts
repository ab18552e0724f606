// How much memory a traced graph needs when its operators run in order.
import { sizeOf, type DType, type Graph, type Value } from './graph.ts';

const BYTES: Record<DType, number> = { float16: 2, float32: 4, int32: 4, int64: 8, bool: 1 };

/** Bytes of a value. */
export function bytesOf({
  dtype,
  shape,
}: {
  readonly dtype: DType;
  readonly shape: readonly number[];
}): number {
  return BYTES[dtype] * sizeOf(shape);
}

/** Operators whose output ONNX Runtime lays over their first input. */
const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Flatten']);
/** Operators that may write over an input of their output's size that nobody needs any more. */
const IN_PLACE = new Set([
  ...[
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Neg',
    'Exp',
    'Log',
    'Sqrt',
    'Abs',
    'Sigmoid',
    'Tanh',
    'Relu',
    'Reciprocal',
    'Softmax',
  ],
  ...['LogSoftmax', 'Cast', 'ScatterElements', 'ScatterND'],
]);

/** What a graph needs. */
export interface PeakMemory {
  /** All inputs: they are fed, and exist once however many programs read them. */
  readonly inputs: number;
  /** Constants of the graph. */
  readonly constants: number;
  /** The most that results hold at any time, outputs included. */
  readonly activations: number;
}

/**
 * Bytes that a graph needs: a walk over its operators in order of execution, in which a result lives from the operator that computes it to
 * the last that reads it, outputs to the end; views and results computed in place of an input take nothing.
 */
export function peakBytes(graph: Graph): PeakMemory {
  const nodes = graph.liveNodes();
  const free = new Set<Value>([...graph.inputs.values(), ...graph.constants.keys()]);
  /** The buffer that a value lies in, named by the value that was there first. */
  const buffer = new Map<Value, Value>();
  const readers = new Map<Value, number>();
  const place = (value: Value): Value => buffer.get(value) ?? value;
  const size = new Map<Value, number>();
  for (const node of nodes) {
    const [first] = node.inputs;
    const [output] = node.outputs;
    if (first && output && VIEWS.has(node.op)) buffer.set(output, place(first));
  }
  const count = (value: Value): void => void readers.set(place(value), (readers.get(place(value)) ?? 0) + 1);
  for (const node of nodes) for (const value of node.inputs) if (value) count(value);
  for (const value of graph.outputs.values()) count(value);

  let held = 0;
  let peak = 0;
  for (const node of nodes) {
    const dying = (value: Value | undefined): value is Value =>
      value !== undefined &&
      !free.has(place(value)) &&
      readers.get(place(value)) === node.inputs.filter((each) => each && place(each) === place(value)).length;
    for (const output of node.outputs) {
      if (place(output) !== output) continue;
      const bytes = bytesOf(output);
      const reused = IN_PLACE.has(node.op)
        ? node.inputs.find((value) => dying(value) && size.get(place(value)) === bytes)
        : undefined;
      if (reused) {
        // From here on the input's buffer is the output's: it is counted under its first name.
        const host = place(reused);
        for (const [value, at] of buffer) if (at === output) buffer.set(value, host);
        readers.set(host, (readers.get(host) ?? 0) + (readers.get(output) ?? 0));
        buffer.set(output, host);
        continue;
      }
      size.set(output, bytes);
      held += bytes;
    }
    peak = Math.max(peak, held);
    for (const value of node.inputs) {
      if (!value || free.has(place(value))) continue;
      const host = place(value);
      const left = (readers.get(host) ?? 0) - 1;
      readers.set(host, left);
      if (left === 0) {
        held -= size.get(host) ?? 0;
        size.delete(host);
      }
    }
    for (const output of node.outputs) {
      const host = place(output);
      if (readers.get(host) !== undefined || free.has(host)) continue;
      // An output that nobody reads.
      held -= size.get(host) ?? 0;
      size.delete(host);
    }
  }
  const sum = (values: Iterable<Value>): number =>
    [...values].reduce((total, value) => total + bytesOf(value), 0);
  return { inputs: sum(graph.inputs.values()), constants: sum(graph.constants.keys()), activations: peak };
}
