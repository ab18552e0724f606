// How much memory a traced graph needs when ONNX Runtime runs it.
import { bytesOf, planBuffers } from './buffer-plan.ts';
import { type Graph, type Value } from './graph.ts';
import { MemoryArena } from './memory-arena.ts';

export { bytesOf } from './buffer-plan.ts';

/** What a graph needs, bytes. */
export interface PeakMemory {
  /** All inputs: they are fed, and exist once however many programs read them. */
  readonly inputs: number;
  /** Constants of the graph. */
  readonly constants: number;
  /** What is returned: it is copied when the run has ended. */
  readonly outputs: number;
  /** The most that results hold at any time, outputs included. */
  readonly activations: number;
  /** What the program has taken from the system for them after its first run, and keeps until it is disposed of. */
  readonly arena: number;
}

/**
 * The memory that a graph needs, found without running it: ONNX Runtime's order of execution, its plan of which results share a
 * buffer, and its arena, which those buffers are taken from.
 *
 * @param elsewhere What the graph returns is written to memory of the caller's, as by resident programs. Default: to the arena.
 */
export function peakBytes(graph: Graph, elsewhere = false): PeakMemory {
  const buffers = planBuffers(graph, elsewhere);
  const ending = Map.groupBy(buffers, ({ until }) => until);
  const starting = Map.groupBy(buffers, ({ from }) => from);
  const arena = new MemoryArena();
  const pieces = new Map<(typeof buffers)[number], ReturnType<MemoryArena['take']>>();
  let held = 0;
  let activations = 0;
  const steps = buffers.reduce((last, { until }) => Math.max(last, until), -1);
  for (let step = 0; step <= steps; step++) {
    for (const buffer of starting.get(step) ?? []) {
      pieces.set(buffer, arena.take(buffer.bytes));
      held += buffer.bytes;
    }
    activations = Math.max(activations, held);
    for (const buffer of ending.get(step) ?? []) {
      const piece = pieces.get(buffer);
      if (piece) arena.give(piece);
      held -= buffer.bytes;
    }
  }
  const sum = (values: Iterable<Value>): number =>
    [...values].reduce((total, value) => total + bytesOf(value), 0);
  return {
    inputs: sum(graph.inputs.values()),
    constants: sum(graph.constants.keys()),
    outputs: sum(new Set(graph.outputs.values())),
    activations,
    arena: arena.touched,
  };
}
