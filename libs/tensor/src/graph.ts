// The graph that tracing records: values, and the ONNX operators that compute them. Emitting an operator that is
// already there, with the same inputs and attributes, returns its values again (common subexpressions).

/** Element type of a value. */
export type DType = 'float16' | 'float32' | 'int8' | 'int32' | 'int64' | 'uint8' | 'bool';

/** Numbers in row-major order; int64 as BigInt, bool as 0 or 1 bytes. */
export type TensorData = Float32Array | Int8Array | Int32Array | BigInt64Array | Uint8Array;

/** Something computed, fed or constant. */
export interface Value {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** An attribute of an operator: integers, floats, or strings as in ONNX. */
export type Attribute =
  { int: number } | { ints: readonly number[] } | { float: number } | { string: string };

/** One operator. */
export interface Node {
  readonly op: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Shape and element type. */
export interface TensorSpec {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Constants above this many elements are not looked up for an equal one. */
const SHARED_CONSTANT_LIMIT = 4096;

/** A graph under construction, or finished. */
export class Graph {
  readonly inputs = new Map<string, Value>();
  readonly outputs = new Map<string, Value>();
  readonly constants = new Map<Value, TensorData>();
  private emitted: Node[] = [];
  private readonly byExpression = new Map<string, Node>();
  private readonly byContent = new Map<string, Value>();
  private nextId = 0;

  /** Declares a named input. */
  input(name: string, spec: TensorSpec): Value {
    const value = this.value(spec);
    this.inputs.set(name, value);
    return value;
  }

  /** Adds a constant, or returns an equal small one. */
  constant(dtype: DType, shape: readonly number[], data: TensorData): Value {
    const key = data.length <= SHARED_CONSTANT_LIMIT ? `${dtype}[${shape.join()}]${data.join()}` : undefined;
    const known = key === undefined ? undefined : this.byContent.get(key);
    if (known) return known;
    const value = this.value({ dtype, shape });
    this.constants.set(value, data);
    if (key !== undefined) this.byContent.set(key, value);
    return value;
  }

  /** Adds an operator, or returns the outputs of the same operator on the same inputs. */
  emit(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly TensorSpec[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): readonly Value[] {
    const key = JSON.stringify([
      domain,
      op,
      inputs.map((value) => value?.id ?? -1),
      attributes,
      outputs.length,
      outputs[0],
    ]);
    const known = this.byExpression.get(key);
    if (known) return known.outputs;
    const node: Node = { op, domain, inputs, outputs: outputs.map((spec) => this.value(spec)), attributes };
    this.emitted.push(node);
    this.byExpression.set(key, node);
    return node.outputs;
  }

  /** Adds an operator even where the same is there already: for what is better computed again than kept. Returns its only output. */
  repeat(
    op: string,
    inputs: readonly Value[],
    output: TensorSpec,
    attributes: Readonly<Record<string, Attribute>>,
  ): Value {
    const value = this.value(output);
    this.emitted.push({ op, domain: '', inputs, outputs: [value], attributes });
    return value;
  }

  /** The operators that the outputs need, in order of execution. */
  liveNodes(): Node[] {
    const needed = new Set<Value>(this.outputs.values());
    const live: Node[] = [];
    for (const node of this.emitted.toReversed()) {
      if (!node.outputs.some((value) => needed.has(value))) continue;
      for (const value of node.inputs) if (value) needed.add(value);
      live.push(node);
    }
    return live.reverse();
  }

  private value(spec: TensorSpec): Value {
    return { id: this.nextId++, dtype: spec.dtype, shape: [...spec.shape] };
  }
}

/** A graph as text, one operator a line, for people who want to read what was traced. */
export function formatGraph(graph: Graph): string {
  const show = (value: Value | undefined): string => (value ? `%${value.id}` : '_');
  const spec = (value: Value): string => `${show(value)}:${value.dtype}[${value.shape.join(',')}]`;
  const lines = [...graph.inputs].map(([name, value]) => `input ${name} = ${spec(value)}`);
  for (const node of graph.liveNodes()) {
    const attributes = Object.entries(node.attributes)
      .map(([name, attribute]) => ` ${name}=${JSON.stringify(Object.values(attribute)[0])}`)
      .join('');
    lines.push(
      `${node.outputs.map(spec).join(', ')} = ${node.op}(${node.inputs.map(show).join(', ')})${attributes}`,
    );
  }
  for (const [name, value] of graph.outputs) lines.push(`output ${name} = ${show(value)}`);
  return lines.join('\n');
}
