import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, hostTensor, Program, residentPrograms } from '../program.ts';
import { trace } from '../trace.ts';
import { createPackedWeights, releasePackedWeights } from './packed-weights.ts';

const spec = (...shape: number[]) => ({ dtype: 'float32' as const, shape });
const numbers = (size: number, factor: number): Float32Array =>
  Float32Array.from({ length: size }, (_, index) => Math.sin(factor * (index + 1)));

describe.runIf(residentPrograms())('resident programs', () => {
  const graph = trace({ x: spec(5, 16), w: spec(8, 16), b: spec(8) }, ({ x, w, b }) => {
    if (!x || !w || !b) throw new Error('an input is missing');
    return { y: tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true), b), twice: tf.mul(b, 2) };
  });
  const feeds = {
    x: hostTensor(spec(5, 16), numbers(80, 0.3)),
    w: hostTensor(spec(8, 16), numbers(128, 0.7)),
    b: hostTensor(spec(8), numbers(8, 1.1)),
  };

  it('compute what fed programs do, whether weights are shared or not', async () => {
    const plain = await Program.compile(graph);
    const expected = await plain.run(feeds);
    const packed = createPackedWeights();
    expect(packed).toBeDefined();
    const programs = await Promise.all(
      [undefined, packed, packed].map((each) =>
        Program.compile(graph, { resident: { weights: { w: feeds.w }, packed: each } }),
      ),
    );
    for (const program of programs) {
      const { y, twice } = await program.run({ x: feeds.x, b: feeds.b });
      expect(y && float32(y)).toEqual(expected['y'] && float32(expected['y']));
      expect(twice && float32(twice)).toEqual(expected['twice'] && float32(expected['twice']));
    }
    for (const program of [plain, ...programs]) await program.dispose();
    if (packed) releasePackedWeights(packed);
  });

  it('write into the memory that they are given', async () => {
    const program = await Program.compile(graph, { resident: { weights: {} } });
    const into = { y: hostTensor(spec(5, 8), new Float32Array(40)) };
    const { y } = await program.run(feeds, into);
    expect(y).toBe(into.y);
    expect(float32(into.y).some((value) => value !== 0)).toBe(true);
    await program.dispose();
  });

  it('say what is wrong with what they are fed', async () => {
    const program = await Program.compile(graph, { resident: { weights: {} } });
    await expect(program.run({ x: feeds.x, b: feeds.b })).rejects.toThrow(/needs input w/);
    const wrong = { ...feeds, w: hostTensor(spec(8, 15), new Float32Array(120)) };
    await expect(program.run(wrong)).rejects.toThrow(/dimensions/);
    await program.dispose();
  });
});
