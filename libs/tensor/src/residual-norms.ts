// A rewriting of the traced graph: a sum that is then normalised becomes one operator, as residual connections have them.
import { type Graph, type Node, type Value } from './graph.ts';
import { GraphCopy } from './graph-copy.ts';

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
  const copy = new GraphCopy(source);
  const pairs = findPairs(copy.nodes);
  const norms = new Set([...pairs.values()].map(({ norm }) => norm));
  for (const node of copy.nodes) {
    if (norms.has(node)) continue;
    const pair = pairs.get(node);
    const [, weight] = pair?.norm.inputs ?? [];
    if (pair && weight && copy.has(weight)) {
      const [sum] = node.outputs;
      const [normed] = pair.norm.outputs;
      const epsilon = pair.norm.attributes['epsilon'];
      if (!sum || !normed || !epsilon) throw new Error('A sum or its norm has no result');
      const none = { dtype: 'float32', shape: [1] } as const;
      const fused = copy.graph.emit(
        'SkipSimplifiedLayerNormalization',
        [...node.inputs, weight].map((value) => value && copy.mapped(value)),
        [normed, none, none, sum],
        { epsilon },
        'com.microsoft',
      );
      copy.replace(normed, fused[0]);
      copy.replace(sum, fused[3]);
    } else {
      copy.add(node);
    }
  }
  return copy.finish();
}
