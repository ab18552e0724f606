import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  float32,
  hostTensor,
  int8Frozen,
  int8Names,
  int8Weight,
  peakBytes,
  Program,
  trace,
} from './index.ts';

const LAYERS = 6;
const WIDTH = 48;
const ROWS = 5;

const names = Array.from({ length: LAYERS }, (_, layer) => `w${layer}`);

/** A stack of layers whose weights are read forth, and back for the gradient of its input. */
function stack(rows = ROWS, width = WIDTH) {
  const matrix = (first: number) => ({ dtype: 'float32', shape: [first, width] }) as const;
  const specs = { x: matrix(rows), ...Object.fromEntries(names.map((name) => [name, matrix(width)])) };
  return trace(specs, (inputs) => {
    const take = (name: string): tf.Tensor2D => {
      const tensor = inputs[name];
      if (!tensor) throw new Error(`no ${name}`);
      return tensor as tf.Tensor2D;
    };
    const forward = (x: tf.Tensor): tf.Scalar =>
      tf.sum(
        tf.square(
          names.reduce(
            (hidden, name) => tf.tanh(tf.matMul(hidden, take(name), false, true)),
            x as tf.Tensor2D,
          ),
        ),
      );
    const { value, grad } = tf.valueAndGrad(forward)(take('x'));
    return { value, grad };
  });
}

const square = { dtype: 'float32', shape: [WIDTH, WIDTH] } as const;
const numbers = (length: number): fc.Arbitrary<Float32Array> =>
  fc.float32Array({ minLength: length, maxLength: length, noNaN: true, min: -1, max: 1 });

/** The integers of weights, as they are fed. */
function integersOf(weights: readonly Float32Array[]) {
  const rounded = weights.map((weight) => int8Weight(weight, [WIDTH, WIDTH], { layout: 'rows' }));
  const feeds = rounded.flatMap(({ values, scales }, layer) => {
    const fed = int8Names(`w${layer}`);
    return [
      [fed.values, hostTensor({ dtype: 'int8', shape: [WIDTH, WIDTH] }, values)],
      [fed.scales, hostTensor({ dtype: 'float32', shape: [WIDTH] }, scales)],
    ] as const;
  });
  const back = rounded.map(({ values, scales }) =>
    Float32Array.from(values, (value, index) => value * (scales[Math.floor(index / WIDTH)] ?? NaN)),
  );
  return { feeds: Object.fromEntries(feeds), back };
}

describe('frozen weights in eight bits', () => {
  let folder: string;
  let narrow: Program;
  let wide: Program;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'int8-frozen-'));
    narrow = await Program.compile(stack(), { frozenInt8: names, profilePrefix: join(folder, 'profile') });
    wide = await Program.compile(stack());
  });
  afterAll(async () => {
    await narrow.dispose();
    await wide.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('give the values and the gradients of the rounded weights, to the bit', async () => {
    const drawn = fc.tuple(numbers(ROWS * WIDTH), fc.tuple(...names.map(() => numbers(WIDTH * WIDTH))));
    await fc.assert(
      fc.asyncProperty(drawn, async ([x, weights]) => {
        const { feeds, back } = integersOf(weights);
        const input = { x: hostTensor({ dtype: 'float32', shape: [ROWS, WIDTH] }, x) };
        const got = await narrow.run({ ...input, ...feeds });
        const wanted = await wide.run({
          ...input,
          ...Object.fromEntries(back.map((weight, layer) => [`w${layer}`, hostTensor(square, weight)])),
        });
        for (const output of ['value', 'grad'] as const) {
          const [a, b] = [got[output], wanted[output]];
          if (!a || !b) throw new Error(`no ${output}`);
          expect(float32(a)).toEqual(float32(b));
        }
      }),
      { numRuns: 5 },
    );
  });

  it('are widened once for each operator that reads them, right before it', async () => {
    narrow.endProfiling();
    const [file = ''] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as {
      readonly name: string;
      readonly args?: { readonly op_name?: string };
    }[];
    const operators = events
      .filter(({ name }) => name.endsWith('_kernel_time'))
      .map(({ args }) => args?.op_name);
    const [before = []] = operators.reduce<string[][]>(
      (runs, operator = '') => {
        if (operator === 'DequantizeLinear' && runs.at(-1)?.length === 2 * 2 * LAYERS) runs.push([]);
        if (/DequantizeLinear|MatMul/.test(operator)) runs.at(-1)?.push(operator);
        return runs;
      },
      [[]],
    );
    expect(before).toHaveLength(2 * 2 * LAYERS);
    expect(before.filter((_, index) => index % 2 === 0)).toEqual(Array(2 * LAYERS).fill('DequantizeLinear'));
  });

  it('need the memory of one of them', () => {
    const width = 512;
    const graph = stack(1, width);
    const { inputs, activations } = peakBytes(int8Frozen(graph, names));
    expect(inputs / peakBytes(graph).inputs).toBeLessThan(0.26);
    expect(activations).toBeLessThan(1.1 * 4 * width * width);
  });
});
