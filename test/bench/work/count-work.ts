// The work of one run of a traced program, counted from its graph: operators, multiply-accumulates, bytes that come back. Unlike
// seconds, these are the same on every machine.
import { sizeOf, type Graph } from '@overtone/tensor';

/** Counted work; sums over runs. */
export interface Work {
  readonly runs: number;
  /** Operators executed, by name. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Multiply-accumulates of matrix products. */
  readonly macs: number;
  /** Bytes of outputs, which are copied out of the runtime. */
  readonly outputBytes: number;
}

const ELEMENT_BYTES = { float16: 2, float32: 4, int32: 4, int64: 8, uint8: 1, int8: 1, bool: 1 } as const;

/** No work. */
export const NO_WORK: Work = { runs: 0, nodes: {}, macs: 0, outputBytes: 0 };

type Node = ReturnType<Graph['liveNodes']>[number];

function integer(node: Node, name: string): number | undefined {
  const attribute = node.attributes[name];
  return attribute && 'int' in attribute ? attribute.int : undefined;
}

/** Multiply-accumulates of an operator: those of a product of matrices, else 0. */
function macsOf(node: Node): number {
  const [a] = node.inputs;
  const [out] = node.outputs;
  if (!a || !out) return 0;
  switch (node.op) {
    case 'MatMul':
      return sizeOf(out.shape) * (a.shape.at(-1) ?? 1);
    case 'FusedMatMul':
    case 'Gemm':
      return sizeOf(out.shape) * (a.shape.at(integer(node, 'transA') === 1 ? -2 : -1) ?? 1);
    // Products with quantised weights say in an attribute how many numbers they add up.
    case 'MatMulNBits':
      return sizeOf(out.shape) * (integer(node, 'K') ?? 0);
    // As if every sequence filled the cache.
    case 'GroupQueryAttention':
      return 2 * sizeOf(out.shape) * (node.inputs[3]?.shape[2] ?? 0);
    default:
      return 0;
  }
}

/** The work of one run. */
export function workOf(graph: Graph): Work {
  const nodes: Record<string, number> = {};
  let macs = 0;
  /** Caches that lie where they lay before. */
  const inPlace = new Set<unknown>();
  for (const node of graph.liveNodes()) {
    if (node.op === 'GroupQueryAttention') for (const cache of node.outputs.slice(1)) inPlace.add(cache);
    nodes[node.op] = (nodes[node.op] ?? 0) + 1;
    macs += macsOf(node);
  }
  let outputBytes = 0;
  for (const output of graph.outputs.values())
    if (!inPlace.has(output)) outputBytes += sizeOf(output.shape) * ELEMENT_BYTES[output.dtype];
  return { runs: 1, nodes, macs, outputBytes };
}

/** The sum of two works. */
export function addWork(a: Work, b: Work): Work {
  const nodes: Record<string, number> = { ...a.nodes };
  for (const [op, count] of Object.entries(b.nodes)) nodes[op] = (nodes[op] ?? 0) + count;
  return { runs: a.runs + b.runs, nodes, macs: a.macs + b.macs, outputBytes: a.outputBytes + b.outputBytes };
}
