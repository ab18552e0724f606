import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Distribution } from './distribution.ts';
import { chooseToken } from './index.ts';

/** What a program returns for these logits, computed plainly. */
function distribution(logits: readonly number[], temperature = 1): Distribution {
  const peak = Math.max(...logits);
  const normaliser = logits.reduce((sum, logit) => sum + Math.exp(logit - peak), 0);
  const width = Math.min(256, logits.length);
  return {
    logits: Float32Array.from(logits),
    peak,
    logNormaliser: peak + Math.log(normaliser),
    entropy: NaN,
    masses: Float32Array.from({ length: Math.ceil(logits.length / width) }, (_, block) =>
      logits
        .slice(block * width, (block + 1) * width)
        .reduce((sum, logit) => sum + Math.exp((logit - peak) / temperature), 0),
    ),
    top: Int32Array.from(
      [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b).slice(0, 64),
    ),
  };
}

/** The definition, by sorting everything. */
function bySorting(logprobs: readonly number[], temperature: number, topP: number, uniform: number): number {
  const peak = Math.max(...logprobs);
  const weights = logprobs.map((logprob) => Math.exp((logprob - peak) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = [...weights.keys()];
  if (topP < 1) order.sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  const nucleus: number[] = [];
  let kept = 0;
  for (const token of order) {
    if (topP < 1 && kept >= topP * total) break;
    nucleus.push(token);
    kept += weights[token] ?? 0;
  }
  let remaining = uniform * kept;
  return nucleus.find((token) => (remaining -= weights[token] ?? 0) < 0) ?? nucleus.at(-1) ?? 0;
}

describe('chooseToken', () => {
  it('chooses what sorting the whole distribution would', () => {
    fc.assert(
      fc.property(
        // Few distinct values make ties; many tokens make large nuclei.
        fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 700 }),
        fc.double({ min: 0.05, max: 3, noNaN: true }),
        fc.constantFrom(1e-9, 0.3, 0.9, 0.95, 0.9999, 1),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (logits, temperature, topP, uniform) => {
          const chosen = chooseToken(distribution(logits, temperature), { temperature, topP }, uniform);
          const expected = bySorting(logits, temperature, topP, uniform);
          // Where the uniform number falls on the border of two tokens, rounding decides between them.
          const border = [-1e-6, 1e-6].map((shift) =>
            bySorting(logits, temperature, topP, Math.min(0.9999999, Math.max(0, uniform + shift))),
          );
          expect([expected, ...border]).toContain(chosen);
        },
      ),
    );
  });

  it('draws tokens of the nucleus in proportion to their probabilities, and no others', () => {
    const odds = distribution([Math.log(5), Math.log(3), Math.log(1.5), Math.log(0.5)]);
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 8000; draw++) {
      const token = chooseToken(odds, { temperature: 1, topP: 0.75 }, (draw + 0.5) / 8000);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    expect(counts).toEqual([5000, 3000, 0, 0]);
  });

  it('takes the first of the most probable tokens at temperature 0', () => {
    expect(chooseToken(distribution([1, 3, 3, 2]), { temperature: 0, topP: 1 }, 0.99)).toBe(1);
  });
});
