import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  float32,
  Graph,
  hostTensor,
  int8Names,
  int8Weight,
  Program,
  residentPrograms,
  signedProductsAreExact,
} from './index.ts';

const INPUT = 96;
const OUT = 40;

let signed: boolean;
beforeAll(async () => {
  signed = await signedProductsAreExact();
});

/** x Wᵀ as a graph, its weight in eight bits. */
async function product(rows: number, weight: Float32Array, unsigned = !signed): Promise<Program> {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [rows, INPUT] });
  const w = graph.input('w', { dtype: 'float32', shape: [OUT, INPUT] });
  const attributes = { transA: { int: 0 }, transB: { int: 1 }, alpha: { float: 1 } };
  const [y] = graph.emit(
    'FusedMatMul',
    [x, w],
    [{ dtype: 'float32', shape: [rows, OUT] }],
    attributes,
    'com.microsoft',
  );
  if (!y) throw new Error('no output');
  graph.outputs.set('y', y);
  const { values, scales } = int8Weight(weight, [OUT, INPUT], { signed: !unsigned });
  const names = int8Names('w');
  const dtype = unsigned ? 'uint8' : 'int8';
  return Program.compile(graph, {
    precision: 'int8',
    resident: {
      weights: {
        [names.values]: hostTensor({ dtype, shape: [INPUT, OUT] }, values),
        [names.scales]: hostTensor({ dtype: 'float32', shape: [OUT] }, scales),
      },
    },
  });
}

async function multiply(x: Float32Array, weight: Float32Array, unsigned?: boolean): Promise<Float32Array> {
  const rows = x.length / INPUT;
  const program = await product(rows, weight, unsigned);
  const { y } = await program.run({ x: hostTensor({ dtype: 'float32', shape: [rows, INPUT] }, x) });
  await program.dispose();
  if (!y) throw new Error('no output');
  return float32(y);
}

const finite = { noNaN: true, min: -8, max: 8 } as const;
const numbers = (length: number): fc.Arbitrary<Float32Array> =>
  fc.float32Array({ minLength: length, maxLength: length, ...finite });

describe('an eight-bit weight', () => {
  it('is within half a step of the weight, row by row', () => {
    fc.assert(
      fc.property(numbers(OUT * INPUT), (weight) => {
        const { values, scales } = int8Weight(weight, [OUT, INPUT]);
        for (const [index, number] of weight.entries()) {
          const row = Math.floor(index / INPUT);
          const scale = scales[row] ?? NaN;
          const back = (values[(index % INPUT) * OUT + row] ?? NaN) * scale;
          if (!(Math.abs(back - number) <= 0.5001 * scale + 1e-30)) return false;
        }
        return true;
      }),
      { numRuns: 20 },
    );
  });

  it('refuses a weight of another size', () => {
    expect(() => int8Weight(new Float32Array(7), [2, 4])).toThrow('A weight of [2, 4] has 8 numbers, got 7');
  });
});

describe.skipIf(!residentPrograms())('a product with an eight-bit weight', () => {
  it('is that with the rounded weight to a ten-thousandth of what is multiplied', async () => {
    const run = async (x: Float32Array, weight: Float32Array): Promise<void> => {
      const got = await multiply(x, weight);
      const { values, scales } = int8Weight(weight, [OUT, INPUT]);
      for (let row = 0; row < x.length / INPUT; row++) {
        const own = x.subarray(row * INPUT, (row + 1) * INPUT);
        const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        for (let out = 0; out < OUT; out++) {
          let sum = 0;
          let weights = 0;
          for (const [i, value] of own.entries()) {
            const w = (values[i * OUT + out] ?? NaN) * (scales[out] ?? NaN);
            sum += value * w;
            weights += Math.abs(w);
          }
          expect(Math.abs((got[row * OUT + out] ?? NaN) - sum)).toBeLessThan(1e-4 * largest * weights + 1e-6);
        }
      }
    };
    await fc.assert(fc.asyncProperty(numbers(3 * INPUT), numbers(OUT * INPUT), run), { numRuns: 5 });
  });

  it('gives a row the same bits whatever the batch, in one product and in two', async () => {
    const [x, weight] =
      fc.sample(fc.tuple(numbers(64 * INPUT), numbers(OUT * INPUT)), { numRuns: 1, seed: 3 })[0] ?? [];
    if (!x || !weight) throw new Error('nothing was drawn');
    const all = await multiply(x, weight);
    for (const rows of [2, 8, 31, 32, 40]) {
      const some = await multiply(x.slice(0, rows * INPUT), weight);
      expect(some).toEqual(all.slice(0, rows * OUT));
    }
  });

  it('is the same where weights must have no sign', async () => {
    const [x, weight] =
      fc.sample(fc.tuple(numbers(4 * INPUT), numbers(OUT * INPUT)), { numRuns: 1, seed: 4 })[0] ?? [];
    if (!x || !weight) throw new Error('nothing was drawn');
    expect(await multiply(x, weight, true)).toEqual(await multiply(x, weight));
  });

  it('gives zeros for zeros, and leaves other rows alone', async () => {
    const weight = new Float32Array(OUT * INPUT).fill(0.5);
    const x = new Float32Array(2 * INPUT).fill(3, INPUT);
    const y = await multiply(x, weight);
    expect(y.slice(0, OUT)).toEqual(new Float32Array(OUT));
    expect(y[OUT]).toBeCloseTo(0.5 * 3 * INPUT, 2);
  });
});
