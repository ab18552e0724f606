import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { executionOrder } from './execution-order.ts';
import { MemoryArena } from './memory-arena.ts';
import { peakBytes } from './peak-bytes.ts';
import { hostTensor, Program } from './program.ts';
import { trace } from './trace.ts';

const matrix = (rows: number, columns: number) => ({ dtype: 'float32', shape: [rows, columns] }) as const;

describe('peakBytes', () => {
  it('counts inputs once, and a result until its last reader', () => {
    // [4, 8] and [4, 16] are alive together, then [4, 16] and [4, 2].
    const graph = trace(
      { x: matrix(4, 2), a: matrix(2, 8), b: matrix(8, 16), c: matrix(16, 2) },
      (inputs) => {
        const { x, a, b, c } = inputs as Record<'x' | 'a' | 'b' | 'c', tf.Tensor2D>;
        return { y: tf.matMul(tf.matMul(tf.matMul(x, a), b), c) };
      },
    );
    expect(peakBytes(graph)).toMatchObject({
      inputs: 4 * (8 + 16 + 128 + 32),
      activations: 4 * (4 * 8 + 4 * 16),
    });
  });

  it('keeps what a later operator still needs', () => {
    const graph = trace({ x: matrix(8, 8) }, ({ x }) => {
      const first = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      const third = tf.matMul(tf.matMul(first, first), first);
      return { y: tf.matMul(third, first) };
    });
    // `first`, the one before and the one being computed.
    expect(peakBytes(graph).activations).toBe(3 * 4 * 64);
  });

  it('counts nothing for views, and for results that take the place of an input', () => {
    const plain = trace({ x: matrix(8, 8) }, ({ x }) => {
      const product = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      return { y: tf.matMul(product, x as tf.Tensor2D) };
    });
    const dressed = trace({ x: matrix(8, 8) }, ({ x }) => {
      const product = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      const changed: tf.Tensor2D = tf.reshape(tf.exp(tf.reshape(product, [64])), [8, 8]);
      return { y: tf.matMul(changed, x as tf.Tensor2D) };
    });
    expect(peakBytes(plain).activations).toBe(2 * 4 * 64);
    expect(peakBytes(dressed).activations).toBe(peakBytes(plain).activations);
  });

  it('does not overwrite what is read again, nor an input; what is returned has memory of its own, to the end', () => {
    const graph = trace({ x: matrix(8, 8) }, ({ x }) => {
      const product = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D);
      return { y: tf.matMul(tf.exp(product), product), z: tf.exp(x as tf.Tensor2D) };
    });
    expect(peakBytes(graph)).toMatchObject({ activations: 4 * 4 * 64, outputs: 2 * 4 * 64 });
    expect(peakBytes(graph, true).activations).toBe(2 * 4 * 64);
  });

  it('gives what was given back to the next result of the same shape, and holds it in between', () => {
    const graph = trace({ x: matrix(8, 8), tall: matrix(64, 8) }, (inputs) => {
      const { x, tall } = inputs as Record<'x' | 'tall', tf.Tensor2D>;
      const first = tf.sum(tf.matMul(x, x));
      const second = tf.sum(tf.matMul(tf.mul(tall, first), x));
      return { y: tf.sum(tf.matMul(tf.mul(x, second), x)) };
    });
    // Both results of [64, 8], while the buffer of [8, 8] waits for its next result; and a few single numbers.
    const { activations } = peakBytes(graph);
    expect(activations).toBeGreaterThanOrEqual(4 * (2 * 64 * 8 + 64));
    expect(activations).toBeLessThan(4 * (2 * 64 * 8 + 2 * 64));
  });
});

describe('MemoryArena', () => {
  it('uses again what was given back, joined with its neighbours', () => {
    const arena = new MemoryArena();
    const pieces = [100_000, 100_000, 100_000].map((bytes) => arena.take(bytes));
    const { touched } = arena;
    for (const piece of pieces) arena.give(piece);
    arena.take(300_000);
    expect(arena.touched).toBeLessThan(touched + 4096);
  });

  it('counts pages that were written to, not regions', () => {
    const arena = new MemoryArena();
    arena.take(3 * 2 ** 20);
    expect(arena.touched).toBe(3 * 2 ** 20);
  });

  it('leaves a remainder that is smaller than what was asked for with it', () => {
    const arena = new MemoryArena();
    const all = arena.take(2 ** 20);
    arena.give(all);
    arena.take(0.6 * 2 ** 20);
    // There is no room for this beside it: the next region is taken.
    arena.take(0.3 * 2 ** 20);
    expect(arena.touched).toBeGreaterThan(1.2 * 2 ** 20);
  });
});

describe('executionOrder', () => {
  it("is ONNX Runtime's", async () => {
    const graph = trace({ x: matrix(8, 8), y: matrix(8, 8) }, (inputs) => {
      const { x, y } = inputs as Record<'x' | 'y', tf.Tensor2D>;
      const early = tf.matMul(x, y);
      const late = tf.matMul(y, x);
      const both = tf.sub(tf.exp(late), tf.exp(early));
      return { a: tf.matMul(both, late), b: tf.softmax(early), c: tf.sum(tf.matMul(tf.neg(y), early)) };
    });
    const nodes = graph.liveNodes();
    const folder = await mkdtemp(join(tmpdir(), 'overtone-order-'));
    try {
      const program = await Program.compile(graph, { profilePrefix: join(folder, 'profile') });
      const spec = matrix(8, 8);
      const feed = hostTensor(spec, new Float32Array(64).fill(0.1));
      await program.run({ x: feed, y: feed });
      program.endProfiling();
      await program.dispose();
      const [file = ''] = await readdir(folder);
      const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as {
        readonly name: string;
        readonly args?: { readonly node_index?: string };
      }[];
      const ran = events
        .filter(({ name }) => name.endsWith('_kernel_time'))
        .map(({ args }) => Number(args?.node_index));
      expect(executionOrder(nodes).map((node) => nodes.indexOf(node))).toEqual(ran);
      expect(ran).not.toEqual(ran.toSorted((a, b) => a - b));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
