// A graph that is written anew from another: what every rewriting starts from. Inputs and constants are there from the beginning;
// operators are copied, or others put in their place, in the order of the source.
import { Graph, type Node, type Value } from './graph.ts';

/** A copy under way. */
export class GraphCopy {
  readonly graph = new Graph();
  readonly nodes: readonly Node[];
  private readonly source: Graph;
  private readonly values = new Map<Value, Value>();

  constructor(source: Graph) {
    this.source = source;
    this.nodes = source.liveNodes();
    for (const [name, value] of source.inputs) this.values.set(value, this.graph.input(name, value));
    for (const [value, data] of source.constants)
      this.values.set(value, this.graph.constant(value.dtype, value.shape, data));
  }

  /** Whether a value of the source is there already. */
  has(value: Value): boolean {
    return this.values.has(value);
  }

  /** What stands for a value of the source. @throws {Error} when nothing does yet. */
  mapped(value: Value): Value {
    const known = this.values.get(value);
    if (!known) throw new Error(`Value ${value.id} is used before it is computed`);
    return known;
  }

  /** Lets `copy` stand for a value of the source. */
  replace(value: Value, copy: Value | undefined): void {
    if (copy) this.values.set(value, copy);
  }

  /** Copies an operator as it is, or with some of its inputs replaced. */
  add({ op, inputs, outputs, attributes, domain }: Node, instead: readonly (Value | undefined)[] = []): void {
    const operands = inputs.map((value, index) => instead[index] ?? (value && this.mapped(value)));
    const emitted = this.graph.emit(op, operands, outputs, attributes, domain);
    for (const [index, value] of outputs.entries()) this.replace(value, emitted[index]);
  }

  /** The graph, with the outputs of the source. */
  finish(): Graph {
    for (const [name, value] of this.source.outputs) this.graph.outputs.set(name, this.mapped(value));
    return this.graph;
  }
}
