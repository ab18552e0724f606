// Frozen weights in eight bits as a rewriting of the traced graph: each operator that reads such a weight has it computed from its
// integers just before, in float32, and nobody keeps it.
import { type Graph, type Value } from './graph.ts';
import { GraphCopy } from './graph-copy.ts';
import { int8Names } from './int8-weight.ts';

/**
 * The graph with some of its inputs fed in eight bits (a scale for each row, as by `int8Weight` with layout "rows") and widened where they
 * are read: products, and the gradients that pass through them, are those of the rounded weights in float32, as in QLoRA (Dettmers et al.
 * 2023) with integers in place of its four bits. In the place of a weight the graph's inputs are those of `int8Names`.
 *
 * @param names The weights, each a matrix; those that are no input of the graph are left out.
 */
export function int8Frozen(graph: Graph, names: Iterable<string>): Graph {
  const copy = new GraphCopy(graph);
  const weights = new Map<Value, string>();
  for (const name of names) {
    const value = graph.inputs.get(name);
    if (value) weights.set(value, name);
  }
  const integers = new Map([...weights].map(([value, name]) => [value, integersOf(copy.graph, name, value)]));
  // ONNX Runtime runs, of what an operator reads, the operator that is listed first last: listed before all others, a weight is widened
  // when everything else that its reader needs is there.
  const widened = copy.nodes.map(({ inputs }) =>
    inputs.map((value) => {
      const source = value && integers.get(value);
      return source && copy.graph.repeat('DequantizeLinear', source, value, { axis: { int: 0 } });
    }),
  );
  for (const [index, node] of copy.nodes.entries()) copy.add(node, widened[index]);
  for (const name of weights.values()) copy.graph.inputs.delete(name);
  return copy.finish();
}

/** The inputs that stand for a weight [out, in]. */
function integersOf(graph: Graph, name: string, { shape }: Value): readonly [values: Value, scales: Value] {
  const names = int8Names(name);
  return [
    graph.input(names.values, { dtype: 'int8', shape }),
    graph.input(names.scales, { dtype: 'float32', shape: shape.slice(0, 1) }),
  ];
}
