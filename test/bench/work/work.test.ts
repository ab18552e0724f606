// Overtone stays as fast as it is: counted work, which no busy machine can disturb.
import { readFile } from 'node:fs/promises';
import { expect, it, describe } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { trace } from '@overtone/tensor';
import { BASELINE, countWork, growth, type CountedWork } from './baseline.ts';
import { addWork, workOf } from './count-work.ts';

const matrix = (rows: number, columns: number) => ({ dtype: 'float32', shape: [rows, columns] }) as const;

describe('the work of the fixed workload', () => {
  it('has not grown by more than 5 %', async () => {
    const accepted = JSON.parse(await readFile(BASELINE, 'utf8')) as CountedWork;
    const counted = await countWork();
    expect(Object.keys(counted)).toEqual(
      expect.arrayContaining(['prefill', 'decode', 'score', 'train-lora', 'train-full']),
    );
    const grown = growth(accepted, counted);
    expect(
      grown,
      `More work than was accepted:\n  ${grown.join('\n  ')}\nIf it buys something, accept it with \`npm run bench:accept\`, and say in the commit what.`,
    ).toEqual([]);
  });
});

describe('counted work', () => {
  const graph = trace({ a: matrix(3, 4), b: matrix(4, 5), c: matrix(6, 5) }, ({ a, b, c }) => {
    const product = tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D);
    return { out: tf.matMul(product, c as tf.Tensor2D, false, true), half: tf.mul(product, 0.5) };
  });

  it('is that of the products, the operators and the outputs', () => {
    const work = workOf(graph);
    expect(work.macs).toBe(3 * 4 * 5 + 3 * 5 * 6);
    expect(work.nodes).toMatchObject({ MatMul: 1, FusedMatMul: 1, Mul: 1 });
    expect(work.outputBytes).toBe(4 * (3 * 6 + 3 * 5));
  });

  it('adds up over runs', () => {
    const work = workOf(graph);
    expect(addWork(work, work)).toEqual({
      runs: 2,
      nodes: Object.fromEntries(Object.entries(work.nodes).map(([op, count]) => [op, 2 * count])),
      macs: 2 * work.macs,
      outputBytes: 2 * work.outputBytes,
    });
  });

  it('names the phase and the operators that grew, and lets 5 % pass', () => {
    const before = { decode: { runs: 1, nodes: { Add: 60, Mul: 40 }, macs: 1000, outputBytes: 10 } };
    const after = (add: number, macs: number) => ({
      decode: { runs: 1, nodes: { Add: 60 + add, Mul: 39 }, macs, outputBytes: 10 },
    });
    expect(growth(before, after(6, 1050))).toEqual([]);
    expect(growth(before, after(7, 1051))).toEqual([
      'decode: operators grew from 100 to 106 (+6.0 %): Add +7',
      'decode: multiply-accumulates grew from 1000 to 1051 (+5.1 %)',
    ]);
    expect(growth(before, {})).toEqual(['decode: is no longer counted']);
  });
});
