import { describe, expect, it } from 'vitest';
import type * as tf from '@tensorflow/tfjs-core';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { hostTensor, Program, trace } from '@overtone/tensor';
import { distributionOutputs, readDistributions, type Distribution } from './distribution.ts';

const ROWS = 3;

async function computed(logits: Float32Array, temperature: number): Promise<Distribution[]> {
  const vocabulary = logits.length / ROWS;
  const specs = {
    x: { dtype: 'float32', shape: [ROWS, vocabulary] },
    inverse: { dtype: 'float32', shape: [] },
  } as const;
  const program = await Program.compile(
    trace(specs, ({ x, inverse }) => distributionOutputs(x as tf.Tensor2D, inverse)),
  );
  // The logits are passed on under their own name.
  const outputs = await program.run({
    x: hostTensor(specs.x, logits),
    inverse: hostTensor(specs.inverse, Float32Array.of(1 / temperature)),
  });
  const read = readDistributions(outputs, vocabulary);
  const distributions = Array.from({ length: ROWS }, (_, row) => read(row));
  await program.dispose();
  return distributions;
}

describe.each([1, 5, 64, 255, 256, 257, 1000, 20_000])('over a vocabulary of %i', (vocabulary) => {
  const random = seededRandom('distribution', vocabulary);
  const logits = Float32Array.from({ length: ROWS * vocabulary }, () => 4 * normalDeviate(random));

  it('computes normaliser, entropy, masses and order as double precision does', async () => {
    const temperature = 0.6;
    for (const [row, found] of (await computed(logits, temperature)).entries()) {
      const own = Array.from(logits.subarray(row * vocabulary, (row + 1) * vocabulary));
      const peak = Math.max(...own);
      const normaliser = own.reduce((sum, logit) => sum + Math.exp(logit - peak), 0);
      const logprobs = own.map((logit) => logit - peak - Math.log(normaliser));
      expect(found.peak).toBe(peak);
      expect(found.logNormaliser).toBeCloseTo(peak + Math.log(normaliser), 4);
      expect(found.entropy).toBeCloseTo(
        logprobs.reduce((sum, logprob) => sum - Math.exp(logprob) * logprob, 0),
        4,
      );
      const tempered = own.reduce((sum, logit) => sum + Math.exp((logit - peak) / temperature), 0);
      const masses = found.masses.reduce((sum, mass) => sum + mass, 0);
      expect(masses / tempered).toBeCloseTo(1, 5);
      const order = [...own.keys()].sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0) || a - b);
      expect(Array.from(found.top)).toEqual(order.slice(0, 64));
    }
  });
});
