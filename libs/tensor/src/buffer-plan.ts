// Which results of a graph share memory, as ONNX Runtime plans it before anything runs: a buffer is taken when its first result is
// computed and given back after its last is read for the last time.
import { executionOrder } from './execution-order.ts';
import { type DType, type Graph, type Node, sizeOf, type TensorSpec, type Value } from './graph.ts';

const BYTES: Record<DType, number> = {
  float16: 2,
  float32: 4,
  int32: 4,
  int64: 8,
  uint8: 1,
  int8: 1,
  bool: 1,
};

/** Bytes of a value. */
export function bytesOf({ dtype, shape }: TensorSpec): number {
  return BYTES[dtype] * sizeOf(shape);
}

/** Operators whose output lies where their first input does. */
const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Flatten']);
const ARITHMETIC = ['Add', 'Sub', 'Mul', 'Div'];
const ELEMENTWISE = ['Neg', 'Exp', 'Log', 'Sqrt', 'Abs', 'Sigmoid', 'Tanh', 'Relu', 'Reciprocal', 'Cast'];
/** The inputs that an operator may write its output over, when nobody needs them any more. */
const IN_PLACE: Readonly<Record<string, readonly number[]>> = {
  ...Object.fromEntries(ARITHMETIC.map((op) => [op, [0, 1]])),
  ...Object.fromEntries(
    [...ELEMENTWISE, 'Softmax', 'LogSoftmax', 'ScatterElements', 'ScatterND'].map((op) => [op, [0]]),
  ),
};

/** Memory that one result after another lies in. */
export interface PlannedBuffer {
  readonly bytes: number;
  /** The operator before which it is taken, in order of execution. */
  readonly from: number;
  /** The operator after which it is given back; that of the last for what the graph returns. */
  readonly until: number;
}

/** A buffer while it is planned. */
interface Growing {
  readonly key: string;
  readonly bytes: number;
  readonly from: number;
  until: number;
  /** Reads of its results that are still to come, and one for a result that is being computed. */
  uses: number;
}

/** Buffers are given on to results of the same shape and width alone. */
const keyOf = ({ dtype, shape }: TensorSpec): string => `${BYTES[dtype]}:${shape.join()}`;

/** One plan. */
class Planning {
  readonly buffers: Growing[] = [];
  private readonly place = new Map<Value, Growing>();
  private readonly free = new Map<string, Growing[]>();
  private readonly uses = new Map<Value, number>();
  private readonly returned: ReadonlySet<Value>;
  private readonly elsewhere: boolean;

  constructor(graph: Graph, order: readonly Node[], elsewhere: boolean) {
    this.returned = new Set(graph.outputs.values());
    this.elsewhere = elsewhere;
    const count = (value: Value): void => void this.uses.set(value, (this.uses.get(value) ?? 0) + 1);
    for (const { inputs, outputs } of order) {
      for (const value of inputs) if (value) count(value);
      for (const value of outputs) count(value);
    }
    for (const value of this.returned) count(value);
    for (const [step, node] of order.entries()) this.run(node, step);
    for (const value of this.returned) {
      const buffer = this.place.get(value);
      if (buffer) buffer.until = order.length - 1;
    }
  }

  private run(node: Node, step: number): void {
    for (const value of node.outputs) this.assign(node, value, step);
    for (const value of [...node.inputs, ...node.outputs]) if (value) this.release(value, step);
  }

  private assign(node: Node, value: Value, step: number): void {
    if (this.elsewhere && this.returned.has(value)) return;
    const uses = this.uses.get(value) ?? 0;
    const [first] = node.inputs;
    const view = VIEWS.has(node.op) && !this.returned.has(value);
    // A view of an input of the graph takes no memory at all.
    if (view && first && !this.place.has(first)) return;
    const shared = view && first ? this.place.get(first) : this.reusable(node, value);
    const bytes = bytesOf(value);
    const buffer = shared ?? { key: keyOf(value), bytes, from: step, until: step, uses: 0 };
    if (!shared) this.buffers.push(buffer);
    buffer.uses += uses;
    this.place.set(value, buffer);
  }

  /** An input that may be written over, or else what was given back last of the same shape. */
  private reusable(node: Node, value: Value): Growing | undefined {
    if (this.returned.has(value)) return undefined;
    const key = keyOf(value);
    for (const index of IN_PLACE[node.op] ?? []) {
      const input = node.inputs[index];
      const buffer = input && this.place.get(input);
      if (input && buffer?.uses === 1 && keyOf(input) === key) return buffer;
    }
    return value.shape.length === 0 ? undefined : this.free.get(key)?.pop();
  }

  private release(value: Value, step: number): void {
    const buffer = this.place.get(value);
    if (!buffer) return;
    buffer.until = step;
    buffer.uses -= 1;
    if (buffer.uses > 0) return;
    const list = this.free.get(buffer.key) ?? [];
    list.push(buffer);
    this.free.set(buffer.key, list);
  }
}

/**
 * The buffers of a graph's results, in the order in which they are taken.
 *
 * @param elsewhere What the graph returns is written to memory of the caller's.
 */
export function planBuffers(graph: Graph, elsewhere = false): readonly PlannedBuffer[] {
  return new Planning(graph, executionOrder(graph.liveNodes()), elsewhere).buffers;
}
