// Every architecture against transformers and PEFT, on small models whose vectors make_vectors.py wrote.
import { beforeAll, describe, expect, it } from 'vitest';
import { PROJECTIONS } from '@overtone/language-model';
import {
  ADAPTERS,
  CASES,
  gradientErrors,
  greedyContinuations,
  logitError,
  scoreErrors,
} from './measure.fixture.ts';
import { readReference, type Reference } from './reference.fixture.ts';

describe.each(CASES)('%s', (name) => {
  let reference: Reference;
  beforeAll(async () => {
    reference = await readReference(name);
  });

  it('has the logits of transformers to 1e-4 of the largest', async () => {
    expect(await logitError(reference)).toBeLessThan(1e-4);
  });

  it('scores texts with its log-probabilities and entropies, to 1e-4 nats', async () => {
    const { logprobs, entropies } = await scoreErrors(reference);
    expect(logprobs).toBeLessThan(1e-4);
    expect(entropies).toBeLessThan(1e-4);
  });

  it('samples its greedy continuations, 64 tokens each', async () => {
    const expected = reference.facts.greedy.map(({ tokens }) => tokens);
    expect(expected.map((tokens) => tokens.length)).toEqual([64, 64]);
    expect(await greedyContinuations(reference)).toEqual(expected);
  });

  it.each(ADAPTERS)('has the logits of PEFT under %s', async (adapter) => {
    expect(await logitError(reference, adapter)).toBeLessThan(1e-4);
  });

  it('has the gradient of every matrix of a LoRA adapter, to 1e-3 of its largest number', async () => {
    const { loss, gradient, matrices } = await gradientErrors(reference);
    expect(matrices).toBe(2 * PROJECTIONS.length * reference.config.numHiddenLayers);
    expect(loss).toBeLessThan(1e-4);
    expect(gradient).toBeLessThan(1e-3);
  });
});
