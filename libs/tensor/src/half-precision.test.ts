import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { formatGraph } from './graph.ts';
import { halfPrecision } from './half-precision.ts';
import { blockSums } from './ops/block-sums.ts';
import { float32, hostTensor, Program } from './program.ts';
import { trace } from './trace.ts';

const matrix = (rows: number, columns: number) => ({ dtype: 'float32', shape: [rows, columns] }) as const;

/** Numbers of both signs within ±size. */
const numbers = (count: number, size: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => size * Math.sin(1 + 7.3 * index));

async function run(
  graph: ReturnType<typeof trace>,
  feeds: Record<string, Float32Array>,
  precision: 'float32' | 'float16',
): Promise<Float32Array> {
  const program = await Program.compile(graph, { precision });
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, data]) => [name, hostTensor(matrix(8, data.length / 8), data)]),
  );
  const { y } = await program.run(tensors);
  await program.dispose();
  if (!y) throw new Error('The program has no output y');
  return float32(y);
}

const product = trace({ x: matrix(8, 32), w: matrix(8, 32) }, ({ x, w }) => ({
  y: tf.matMul(tf.mul(x as tf.Tensor2D, 2), w as tf.Tensor2D, false, true),
}));

describe('half precision', () => {
  it.each([1e-12, 1, 1e9])('rounds products to about 3 digits, whatever their size: %f', async (size) => {
    const feeds = { x: numbers(256, size), w: numbers(256, 0.1) };
    const [half, full] = [await run(product, feeds, 'float16'), await run(product, feeds, 'float32')];
    const norm = Math.hypot(...full);
    const difference = Math.hypot(...full.map((value, index) => value - (half[index] ?? NaN))) / norm;
    expect(difference).toBeLessThan(1e-3);
    expect(difference).toBeGreaterThan(1e-5);
  });

  it('gives a row the same result whatever else is in the batch', async () => {
    const x = numbers(256, 1);
    const alone = await run(product, { x, w: numbers(256, 1) }, 'float16');
    const others = x.map((value, index) => (index < 32 ? value : 1e6 * value));
    const among = await run(product, { x: others, w: numbers(256, 1) }, 'float16');
    expect(among.slice(0, 8)).toEqual(alone.slice(0, 8));
  });

  it('leaves sums in float32', async () => {
    const sums = trace({ x: matrix(8, 64) }, ({ x }) => ({ y: blockSums(tf.exp(x as tf.Tensor2D), 16) }));
    const feeds = { x: numbers(512, 3) };
    expect(await run(sums, feeds, 'float16')).toEqual(await run(sums, feeds, 'float32'));
    expect(formatGraph(halfPrecision(sums, 'cuda'))).not.toContain('float16');
  });

  it('casts a weight once, however many products it is in', () => {
    const twice = trace({ x: matrix(8, 8), w: matrix(8, 8) }, ({ x, w }) => {
      const once = tf.matMul(tf.exp(x as tf.Tensor2D), w as tf.Tensor2D);
      return { y: tf.matMul(once, w as tf.Tensor2D) };
    });
    const text = formatGraph(halfPrecision(twice, 'cuda'));
    // The weight, and each product's other operand.
    expect(text.match(/float16\[8,8\] = Cast/g)).toHaveLength(3);
    expect(text.match(/float16\[8,8\] = MatMul/g)).toHaveLength(2);
  });
});
