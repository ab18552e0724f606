// Eight-bit products as a rewriting of the traced graph: weights are integers with a scale for each output, what is multiplied with them is
// rounded to integers with a scale for each row, and the sums are exact integers.
import { type Graph, type Node, type Value } from './graph.ts';
import { GraphCopy } from './graph-copy.ts';
import { int8Names, LARGEST_INT8, weightOf } from './int8-weight.ts';

/** Rows of zeros are divided by this. */
const SMALLEST_SCALE = 1e-30;
/** What stands for 0 among eight-bit activations, which have no sign: AMX and VNNI multiply unsigned by signed numbers. */
const ZERO = 128;

/** How much finer the scale of what rounding left is. */
const FINER = 256;
/** From this many rows on, the two products are made one by one. */
const SEPARATE_ROWS = 32;

/** The element type of each weight's integers, by the name of the weight. */
export type Int8Weights = ReadonlyMap<string, 'int8' | 'uint8'>;

/** The eight-bit weights among tensors by name. */
export function int8WeightsAmong(tensors: Readonly<Record<string, { readonly type: string }>>): Int8Weights {
  const found = new Map<string, 'int8' | 'uint8'>();
  for (const [name, { type }] of Object.entries(tensors))
    if (type === 'int8' || type === 'uint8') found.set(weightOf(name), type);
  return found;
}

/** One rewriting. */
class Rewriting {
  private readonly copy: GraphCopy;
  private readonly graph: Graph;
  private readonly nameOf: ReadonlyMap<Value, string>;
  private readonly weights: Int8Weights;

  constructor(source: Graph, weights: Int8Weights) {
    this.copy = new GraphCopy(source);
    this.graph = this.copy.graph;
    this.weights = weights;
    this.nameOf = new Map([...source.inputs].map(([name, value]) => [value, name]));
    for (const node of this.copy.nodes) this.add(node);
  }

  finish(): Graph {
    const graph = this.copy.finish();
    const read = new Set(graph.liveNodes().flatMap(({ inputs }) => inputs));
    for (const name of this.weights.keys()) {
      const value = graph.inputs.get(name);
      if (value && !read.has(value)) graph.inputs.delete(name);
    }
    return graph;
  }

  private add(node: Node): void {
    const [x, weight] = node.inputs;
    const [output] = node.outputs;
    const name = weight && this.nameOf.get(weight);
    const dtype = name === undefined ? undefined : this.weights.get(name);
    if (!isLinear(node) || !x || !weight || !output || name === undefined || !dtype)
      return this.copy.add(node);
    this.copy.replace(output, this.product(x, weight, output, name, dtype));
  }

  private product(x: Value, weight: Value, output: Value, name: string, dtype: 'int8' | 'uint8'): Value {
    const [out = 0, columns = 0] = weight.shape;
    const [rows = 0] = x.shape;
    const names = int8Names(name);
    const input = (given: string, spec: { dtype: 'int8' | 'uint8' | 'float32'; shape: number[] }): Value =>
      this.graph.inputs.get(given) ?? this.graph.input(given, spec);
    const values = input(names.values, { dtype, shape: [columns, out] });
    const scales = input(names.scales, { dtype: 'float32', shape: [out] });
    const zero = this.graph.constant('uint8', [], Uint8Array.of(ZERO));
    const multiplied = (integers: Value, scale: number): Value =>
      this.one(
        'MatMulIntegerToFloat',
        // Where unsigned by signed products saturate, weights have no sign either.
        [integers, values, this.number(scale), scales, zero, dtype === 'uint8' ? zero : undefined],
        [integers.shape[0] ?? 0, out],
        'float32',
        {},
        'com.microsoft',
      );
    const { coarse, fine, scale } = this.activations(x);
    if (rows >= SEPARATE_ROWS) {
      const sum = this.one('Add', [multiplied(coarse, 1), multiplied(fine, 1 / FINER)], output.shape);
      return this.one('Mul', [sum, scale], output.shape);
    }
    // Few rows take as long as twice as many: the weight is read once.
    const both = this.one('Concat', [coarse, fine], [2 * rows, columns], 'uint8', { axis: { int: 0 } });
    const [upper, lower] = this.graph.emit('Split', [multiplied(both, 1)], [output, output], {
      axis: { int: 0 },
      num_outputs: { int: 2 },
    });
    if (!upper || !lower) throw new Error('A product was not split');
    // A power of two scales without rounding: the same bits as above.
    const rest = this.one('Mul', [lower, this.number(1 / FINER)], output.shape);
    return this.one('Mul', [this.one('Add', [upper, rest], output.shape), scale], output.shape);
  }

  /**
   * Rows as integers, each by a scale of its own, so that what else is in the batch does not matter; and what rounding left of them, as
   * integers of a scale that is finer by `FINER`: together some sixteen bits.
   */
  private activations(x: Value): { coarse: Value; fine: Value; scale: Value } {
    const full = this.copy.mapped(x);
    const [rows = 0] = x.shape;
    const axes = this.graph.constant('int64', [1], BigInt64Array.of(1n));
    const magnitudes = this.one('Abs', [full], x.shape);
    const largest = this.one('ReduceMax', [magnitudes, axes], [rows], 'float32', { keepdims: { int: 0 } });
    const scale = this.one(
      'Mul',
      [this.one('Max', [largest, this.number(SMALLEST_SCALE)], [rows]), this.number(1 / LARGEST_INT8)],
      [rows],
    );
    const finer = this.one('Mul', [scale, this.number(1 / FINER)], [rows]);
    const zeros = this.graph.constant('uint8', [rows], new Uint8Array(rows).fill(ZERO));
    const rounded = (value: Value, by: Value): Value =>
      this.one('QuantizeLinear', [value, by, zeros], x.shape, 'uint8', { axis: { int: 0 } });
    const coarse = rounded(full, scale);
    const back = this.one('DequantizeLinear', [coarse, scale, zeros], x.shape, 'float32', {
      axis: { int: 0 },
    });
    const shape = this.graph.constant('int64', [2], BigInt64Array.of(BigInt(rows), 1n));
    return {
      coarse,
      fine: rounded(this.one('Sub', [full, back], x.shape), finer),
      scale: this.one('Reshape', [scale, shape], [rows, 1]),
    };
  }

  private number(value: number): Value {
    return this.graph.constant('float32', [], Float32Array.of(value));
  }

  private one(
    op: string,
    inputs: readonly (Value | undefined)[],
    shape: readonly number[],
    dtype: 'float32' | 'uint8' = 'float32',
    attributes: Node['attributes'] = {},
    domain = '',
  ): Value {
    const [value] = this.graph.emit(op, inputs, [{ dtype, shape }], attributes, domain);
    if (!value) throw new Error(`Operator ${op} has no output`);
    return value;
  }
}

/** Whether an operator is x Wᵀ of matrices. */
function isLinear({ op, inputs: [x, weight], attributes }: Node): boolean {
  const { transA, transB, alpha } = attributes;
  return (
    op === 'FusedMatMul' &&
    x?.shape.length === 2 &&
    weight?.shape.length === 2 &&
    transA !== undefined &&
    'int' in transA &&
    transA.int === 0 &&
    transB !== undefined &&
    'int' in transB &&
    transB.int === 1 &&
    (alpha === undefined || ('float' in alpha && alpha.float === 1))
  );
}

/**
 * The graph with its products x Wᵀ with some weights in eight bits (W8A8 with a scale for each output of the weight and for each row of what
 * is multiplied, as in LLM.int8() without its outliers; Dettmers et al. 2022). In the place of a weight its inputs are those of `int8Names`.
 * Sums of integers are exact, so that a row's result depends neither on the batch nor on the kernel.
 *
 * @param weights Names of the weights [out, in], each an input of the graph. Where one is also read by another operator, it stays an input.
 */
export function int8Products(graph: Graph, weights: Int8Weights): Graph {
  return new Rewriting(graph, weights).finish();
}
