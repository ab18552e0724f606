// The order in which ONNX Runtime runs a graph's operators, which is not the order in which they were traced.
import { type Node, type Value } from './graph.ts';

/**
 * Operators in ONNX Runtime's default order: depth first, from the last operator that nobody reads to the first, and at each operator
 * from the latest of those that it reads to the earliest.
 *
 * @param nodes Operators in the order in which the model lists them.
 */
export function executionOrder(nodes: readonly Node[]): Node[] {
  const producer = new Map<Value, number>();
  for (const [index, { outputs }] of nodes.entries()) for (const value of outputs) producer.set(value, index);
  const sources = nodes.map(({ inputs }) =>
    inputs.flatMap((value) => (value && producer.get(value)) ?? []).sort((a, b) => a - b),
  );
  const read = new Set(sources.flat());
  const stack = nodes.flatMap((_, index) => (read.has(index) ? [] : [{ index, done: false }]));
  const visited = new Set<number>();
  const order: Node[] = [];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { index, done } = top;
    const node = nodes[index];
    if (!node) continue;
    if (done) {
      order.push(node);
      continue;
    }
    if (visited.has(index)) continue;
    visited.add(index);
    stack.push({ index, done: true });
    for (const source of sources[index] ?? [])
      if (!visited.has(source)) stack.push({ index: source, done: false });
  }
  return order;
}
