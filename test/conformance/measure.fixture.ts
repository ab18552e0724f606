// How far Overtone is from the original implementation on one of the small models.
import { join } from 'node:path';
import { checkAdapter, readAdapter } from '@overtone/language-model';
import { lossAndLoraGradient } from './lora-gradient.fixture.ts';
import {
  greedyOf,
  largestError,
  logitsOf,
  relativeError,
  scoresOf,
  vector,
  type Reference,
} from './reference.fixture.ts';

/** The small models of make_vectors.py. */
export const CASES = [
  'qwen3-tied',
  'qwen3-untied-bf16-sharded',
  'qwen2-tied',
  'qwen2-yarn-untied-f16',
  'llama-tied',
  'llama-biases-untied',
  'llama-llama3',
  'llama-llama3-old-config',
  'llama-yarn',
  'llama-linear',
] as const;

/** The adapters that each has. */
export const ADAPTERS = ['adapter', 'adapter-rslora'] as const;

/** Largest error of the logits of all sequences, as a share of the largest logit; `adapter` names a folder of the case. */
export async function logitError(
  reference: Reference,
  adapterName?: (typeof ADAPTERS)[number],
): Promise<number> {
  const { folder, config, parameters, facts, tensors } = reference;
  const adapter = adapterName === undefined ? undefined : await readAdapter(join(folder, adapterName));
  if (adapter) checkAdapter(config, adapter, folder);
  const errors = [];
  for (const [index, ids] of facts.sequences.entries()) {
    const expected = vector(tensors, `${adapterName ? `${adapterName}.` : ''}logits.${index}`).data;
    const logits = await logitsOf(config, parameters, ids, adapter);
    errors.push(relativeError(logits.subarray(-expected.length), expected));
  }
  return Math.max(...errors);
}

/** Largest errors of log-probabilities and entropies, nats. */
export async function scoreErrors({
  config,
  parameters,
  facts,
  tensors,
}: Reference): Promise<{ logprobs: number; entropies: number }> {
  const scores = await scoresOf(config, parameters, facts.sequences);
  const errorOf = (kind: 'logprobs' | 'entropies'): number =>
    Math.max(
      ...scores.map((score, index) => largestError(score[kind], vector(tensors, `${kind}.${index}`).data)),
    );
  return { logprobs: errorOf('logprobs'), entropies: errorOf('entropies') };
}

/** The sampler's greedy continuations of the reference's prompts. */
export function greedyContinuations({ config, parameters, facts }: Reference): Promise<number[][]> {
  return greedyOf(
    config,
    parameters,
    facts.greedy.map(({ prompt }) => prompt),
    -1,
  );
}

/** Error of the loss under the adapter, nats, and of each gradient, as a share of its largest number: the largest of them. */
export async function gradientErrors({
  folder,
  config,
  parameters,
  facts,
  tensors,
}: Reference): Promise<{ loss: number; gradient: number; matrices: number }> {
  const adapter = await readAdapter(join(folder, 'adapter'));
  const { loss, gradient } = await lossAndLoraGradient(
    config,
    parameters,
    adapter,
    facts.sequences.slice(0, 2),
  );
  const errors = [...gradient].map(([name, { data }]) =>
    relativeError(data, vector(tensors, `gradient.${name}`).data),
  );
  return {
    loss: Math.abs(loss - facts.loss),
    gradient: Math.max(...errors),
    matrices: [...tensors.keys()].filter((name) => name.startsWith('gradient.')).length,
  };
}
