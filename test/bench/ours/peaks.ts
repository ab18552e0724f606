// What the machine can do at most, by the same runtime: a large product of matrices, and weights read once for a single row.
import * as tf from '@tensorflow/tfjs-core';
import { hostTensor, Program, trace, type TensorSpec } from '@overtone/tensor';

/** Fastest of a few runs, seconds. */
async function fastest(a: TensorSpec, b: TensorSpec, threads: number, runs: number): Promise<number> {
  const program = await Program.compile(
    // Of the result, one number is enough: copying it is not measured.
    trace({ a, b }, ({ a, b }) => ({ out: tf.max(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D)) })),
    { threads },
  );
  const fill = ({ shape: [rows = 1, columns = 1] }: TensorSpec): Float32Array =>
    new Float32Array(rows * columns).fill(0.01);
  const feeds = { a: hostTensor(a, fill(a)), b: hostTensor(b, fill(b)) };
  let least = Infinity;
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    await program.run(feeds);
    least = Math.min(least, (performance.now() - began) / 1000);
  }
  await program.dispose();
  return least;
}

/** Measures both, in a second or two. */
export async function measurePeaks(
  threads: number,
): Promise<{ macsPerSecond: number; bytesPerSecond: number }> {
  const matrix = (rows: number, columns: number): TensorSpec => ({
    dtype: 'float32',
    shape: [rows, columns],
  });
  const size = 1536;
  const product = await fastest(matrix(size, size), matrix(size, size), threads, 8);
  const [rows, columns] = [8192, 8192];
  const reading = await fastest(matrix(1, rows), matrix(rows, columns), threads, 8);
  return { macsPerSecond: size ** 3 / product, bytesPerSecond: (4 * rows * columns) / reading };
}
