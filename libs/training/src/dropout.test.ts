import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawNoise, dropout } from './dropout.ts';

const SHAPE = [200, 100];
const modules = Array.from({ length: 28 }, (_, index) => `module ${index}`);

/** The mask of a module at a step: zeros where the input is dropped. */
function mask(module: string, p: number, step = 1, seed = 1): Float32Array {
  return tf.tidy(() => {
    const noise = tf.tensor2d(
      drawNoise({ dtype: 'float32', shape: SHAPE }, seed, step, 0).data as Float32Array,
      [200, 100],
    );
    return dropout(noise, p, modules)(module, tf.ones([200, 100])).dataSync() as Float32Array;
  });
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('dropout', () => {
  it('drops its share, and keeps the mean', () => {
    for (const p of [0.05, 0.1, 0.5]) {
      for (const module of modules) {
        const values = mask(module, p);
        expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
        // Five standard errors of 20,000 draws.
        expect(Math.abs(mean(values) - 1)).toBeLessThan(5 * Math.sqrt(p / (1 - p) / 20_000));
      }
    }
  });

  it('drops differently in every module, at every step and under every seed', () => {
    const one = mask('module 3', 0.1);
    const others = [
      ...modules.filter((module) => module !== 'module 3').map((module) => mask(module, 0.1)),
      mask('module 3', 0.1, 2),
      mask('module 3', 0.1, 1, 2),
    ];
    for (const other of others) {
      const both = mean(one.map((value, index) => (value === 0 && other[index] === 0 ? 1 : 0)));
      // Independent masks: both drop with probability 0.01, within six standard errors.
      expect(Math.abs(both - 0.01)).toBeLessThan(6 * Math.sqrt((0.01 * 0.99) / 20_000));
    }
    expect(mask('module 3', 0.1)).toEqual(one);
  });
});
