// A rewriting of the traced graph: a sum that is then normalised becomes one operator, as residual connections have them.
import { Graph, type Node, type Value } from './graph.ts';

/** A sum, and its normalisation. */
interface Pair {
  readonly sum: Node;
  readonly norm: Node;
}

/** Sums of two values of the same shape whose first reader, among all, is an RMS norm with nothing else computed from it. */
function findPairs(nodes: readonly Node[]): Map<Node, Pair> {
  const producers = new Map<Value, Node>();
  const readers = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of node.inputs) if (input) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  const pairs = new Map<Node, Pair>();
  for (const norm of nodes) {
    const [x] = norm.inputs;
    const [, inverseRms] = norm.outputs;
    if (norm.op !== 'SimplifiedLayerNormalization' || !x) continue;
    const sum = producers.get(x);
    const [a, b] = sum?.inputs ?? [];
    const unread = !inverseRms || !readers.has(inverseRms);
    const same = a?.shape.join() === b?.shape.join();
    if (sum?.op === 'Add' && unread && same && x.shape.length === 2 && !pairs.has(sum))
      pairs.set(sum, { sum, norm });
  }
  return pairs;
}

/**
 * The graph with sums and their RMS norms in one operator, which reads and writes the sum once. The weight of a norm must be an input, and
 * nothing may need a gradient of it any more.
 */
export function fuseResidualNorms(source: Graph): Graph {
  const nodes = source.liveNodes();
  const pairs = findPairs(nodes);
  const norms = new Set([...pairs.values()].map(({ norm }) => norm));
  const graph = new Graph();
  const values = new Map<Value, Value>();
  const mapped = (value: Value): Value => {
    const known = values.get(value);
    if (!known) throw new Error(`Value ${value.id} is used before it is computed`);
    return known;
  };
  for (const [name, value] of source.inputs) values.set(value, graph.input(name, value));
  for (const [value, data] of source.constants)
    values.set(value, graph.constant(value.dtype, value.shape, data));
  for (const node of nodes) {
    if (norms.has(node)) continue;
    const pair = pairs.get(node);
    const [, weight] = pair?.norm.inputs ?? [];
    if (pair && weight && values.has(weight)) {
      const [sum] = node.outputs;
      const [normed] = pair.norm.outputs;
      const epsilon = pair.norm.attributes['epsilon'];
      if (!sum || !normed || !epsilon) throw new Error('A sum or its norm has no result');
      const none = { dtype: 'float32', shape: [1] } as const;
      const fused = graph.emit(
        'SkipSimplifiedLayerNormalization',
        [...node.inputs, weight].map((value) => value && mapped(value)),
        [normed, none, none, sum],
        { epsilon },
        'com.microsoft',
      );
      if (fused[0]) values.set(normed, fused[0]);
      if (fused[3]) values.set(sum, fused[3]);
      continue;
    }
    const emitted = graph.emit(
      node.op,
      node.inputs.map((value) => value && mapped(value)),
      node.outputs,
      node.attributes,
      node.domain,
    );
    for (const [index, value] of node.outputs.entries()) {
      const rewritten = emitted[index];
      if (rewritten) values.set(value, rewritten);
    }
  }
  for (const [name, value] of source.outputs) graph.outputs.set(name, mapped(value));
  return graph;
}
