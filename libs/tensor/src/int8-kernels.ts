// Whether this machine's kernels multiply unsigned by signed eight-bit numbers exactly.
import { Graph } from './graph.ts';
import { hostTensor, Program } from './program.ts';

const TERMS = 64;
const LARGEST_UNSIGNED = 255;
const LARGEST_SIGNED = 127;

/**
 * Whether unsigned by signed products are exact here. Without VNNI, pairs of products of an x86 processor are added in sixteen bits, which
 * saturate; weights must then be unsigned too, which takes a little longer.
 */
export async function signedProductsAreExact(): Promise<boolean> {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'uint8', shape: [2, TERMS] });
  const weight = graph.constant('int8', [TERMS, TERMS], new Int8Array(TERMS * TERMS).fill(LARGEST_SIGNED));
  const [product] = graph.emit('MatMulInteger', [x, weight], [{ dtype: 'int32', shape: [2, TERMS] }]);
  if (!product) throw new Error('MatMulInteger has no output');
  graph.outputs.set('product', product);
  const program = await Program.compile(graph);
  try {
    const largest = new Uint8Array(2 * TERMS).fill(LARGEST_UNSIGNED);
    const outputs = await program.run({ x: hostTensor({ dtype: 'uint8', shape: [2, TERMS] }, largest) });
    const { data } = outputs['product'] ?? { data: [] };
    return data[0] === TERMS * LARGEST_UNSIGNED * LARGEST_SIGNED;
  } finally {
    await program.dispose();
  }
}
