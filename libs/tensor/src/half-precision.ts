// Half precision as a rewriting of the traced graph: matrix products take and give float16, all else stays as it was traced.
import { type Graph, type Node, type TensorSpec, type Value } from './graph.ts';
import { GraphCopy } from './graph-copy.ts';
import { type Device } from './hardware.ts';

/** Far below every number that matters, and no subnormal: rows of zeros are divided by it. */
const SMALLEST_SCALE = 1e-30;
const ONNX_FLOAT = 1;
const ONNX_FLOAT16 = 10;

const isProduct = ({ op, inputs }: Node): boolean =>
  (op === 'MatMul' || op === 'FusedMatMul') && inputs.every((value) => value?.dtype === 'float32');

const flag = ({ attributes }: Node, name: string): boolean => {
  const attribute = attributes[name];
  return attribute !== undefined && 'int' in attribute && attribute.int === 1;
};

/** One rewriting. */
class Rewriting {
  private readonly copy: GraphCopy;
  private readonly graph: Graph;
  /** Inputs of the graph, also reshaped or transposed: weights and caches, whose numbers fit float16 as they are. */
  private readonly stored = new Set<Value>();
  /** Made of constants, integers and conditions alone: ones and selections, with which products are sums. */
  private readonly selecting = new Set<Value>();

  private readonly device: Device;

  constructor(source: Graph, device: Device) {
    this.device = device;
    this.copy = new GraphCopy(source);
    this.graph = this.copy.graph;
    for (const value of source.inputs.values()) this.stored.add(value);
    for (const value of source.constants.keys()) this.selecting.add(value);
    for (const node of this.copy.nodes) this.add(node);
  }

  /** The rewritten graph. */
  finish(): Graph {
    return this.copy.finish();
  }

  private add(node: Node): void {
    const [first, ...others] = node.inputs;
    if (first && this.stored.has(first) && (node.op === 'Reshape' || node.op === 'Transpose'))
      for (const value of node.outputs) this.stored.add(value);
    const selects = (value: Value | undefined): boolean =>
      value === undefined ||
      (value.dtype !== 'float32' && value.dtype !== 'float16') ||
      this.selecting.has(value);
    if (node.inputs.every(selects)) for (const value of node.outputs) this.selecting.add(value);
    const [second] = others;
    const [output] = node.outputs;
    if (
      isProduct(node) &&
      first &&
      second &&
      output &&
      !this.selecting.has(first) &&
      !this.selecting.has(second)
    ) {
      this.copy.replace(output, this.product(node, first, second, output));
      return;
    }
    this.copy.add(node);
  }

  private product(node: Node, a: Value, b: Value, output: Value): Value {
    const left = this.halved(a, flag(node, 'transA') ? -2 : -1);
    const right = this.halved(b, flag(node, 'transB') ? -1 : -2);
    const half = this.one(
      node.op,
      [left.half, right.half],
      { dtype: 'float16', shape: output.shape },
      node.attributes,
      node.domain,
    );
    let result = this.cast(this.rounded(half), 'float32');
    if (left.scale)
      result = this.scaled(result, left.scale, [...a.shape.slice(0, -2), output.shape.at(-2) ?? 1, 1]);
    if (right.scale)
      result = this.scaled(result, right.scale, [...b.shape.slice(0, -2), 1, output.shape.at(-1) ?? 1]);
    return result;
  }

  /** An operand in float16. Computed ones are divided by their largest number along the axis that the product sums over. */
  private halved(value: Value, axis: -1 | -2): { half: Value; scale?: Value } {
    const full = this.copy.mapped(value);
    if (this.stored.has(value)) return { half: this.rounded(this.cast(full, 'float16')) };
    const shape = value.shape.with(axis, 1);
    const axes = this.graph.constant('int64', [1], BigInt64Array.of(BigInt(value.shape.length + axis)));
    const magnitudes = this.one('Abs', [full], full);
    const largest = this.one(
      'ReduceMax',
      [magnitudes, axes],
      { dtype: 'float32', shape },
      { keepdims: { int: 1 } },
    );
    const least = this.graph.constant('float32', [], Float32Array.of(SMALLEST_SCALE));
    const scale = this.one('Max', [largest, least], largest);
    return { half: this.rounded(this.cast(this.one('Div', [full, scale], full), 'float16')), scale };
  }

  /**
   * ONNX Runtime's CPU provider multiplies float16 in float32 and then drops casts to float16 and back: a copy between them keeps what
   * they are for, so that the CPU computes what other devices do.
   */
  private rounded(half: Value): Value {
    return this.device === 'cpu' ? this.one('Concat', [half], half, { axis: { int: 0 } }) : half;
  }

  private scaled(value: Value, scale: Value, shape: readonly number[]): Value {
    const wanted = this.graph.constant('int64', [shape.length], BigInt64Array.from(shape, BigInt));
    const factors =
      scale.shape.join() === shape.join()
        ? scale
        : this.one('Reshape', [scale, wanted], { dtype: 'float32', shape });
    return this.one('Mul', [value, factors], value);
  }

  private cast(value: Value, dtype: 'float16' | 'float32'): Value {
    return this.one(
      'Cast',
      [value],
      { dtype, shape: value.shape },
      { to: { int: dtype === 'float16' ? ONNX_FLOAT16 : ONNX_FLOAT } },
    );
  }

  private one(
    op: string,
    inputs: readonly Value[],
    output: TensorSpec,
    attributes: Node['attributes'] = {},
    domain = '',
  ): Value {
    const [value] = this.graph.emit(op, inputs, [output], attributes, domain);
    if (!value) throw new Error(`Operator ${op} has no output`);
    return value;
  }
}

/**
 * The graph with its matrix products in float16.
 *
 * Weights and caches are cast as they are. Every computed operand is first divided by the largest number of each row (column, on the
 * right) that the product sums over, and the product multiplied by it again: activations and gradients of any size neither overflow
 * nor vanish, no loss has to be scaled, and a row does not depend on what else is in the batch. Norms, softmax, losses, sums and the optimiser
 * stay in float32, and so do products with ones and with selections, which are sums.
 */
export function halfPrecision(graph: Graph, device: Device): Graph {
  return new Rewriting(graph, device).finish();
}
