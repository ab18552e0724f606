// The graph as a precision has it: which rewriting a setting stands for.
import { type Graph } from './graph.ts';
import { halfPrecision } from './half-precision.ts';
import { type Hardware } from './hardware.ts';
import { int8Products, type Int8Weights } from './int8-products.ts';

/**
 * The graph with its matrix products in a precision.
 *
 * @param int8 The weights that int8 has in eight bits; products with others stay as they were traced. Default: none.
 */
export function inPrecision(
  graph: Graph,
  { device, precision }: Hardware,
  int8: Int8Weights = new Map(),
): Graph {
  switch (precision) {
    case 'float32':
      return graph;
    case 'float16':
      return halfPrecision(graph, device);
    case 'int8':
      return int8Products(graph, int8);
  }
}
