// Golden vectors of the original implementation, as make_vectors.py wrote them, and how far we are from them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  causalBias,
  decode,
  headLogits,
  linearOf,
  loraShapes,
  parameterSpecs,
  readDecoderConfig,
  readParameters,
  readSafetensors,
  withLora,
  type Adapter,
  type DecoderConfig,
  type NamedTensor,
  type ParameterMap,
} from '@overtone/language-model';
import { hostParameters, Sampler, TeacherForcing } from '@overtone/sampling';
import { float32, hostTensor, Program, trace, type TensorSpec } from '@overtone/tensor';
import type * as tf from '@tensorflow/tfjs-core';

/** The folder of the vectors. */
export const VECTORS = fileURLToPath(new URL('./vectors/', import.meta.url));

/** A greedy continuation, and the smallest gap between the two best logits on its way. */
export interface Greedy {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
  readonly gap: number;
}

/** Facts of one of the small models. */
export interface Facts {
  readonly sequences: readonly (readonly number[])[];
  readonly greedy: readonly Greedy[];
  /** Mean negative log-likelihood of the first two sequences under the adapter, nats. */
  readonly loss: number;
}

/** Reads what make_vectors.py wrote beside the tensors; its shape is that of the script. */
export async function readFacts<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(VECTORS, name), 'utf8')) as T;
}

/** A tensor of the vectors. Throws when it is missing. */
export function vector(tensors: ParameterMap, name: string): NamedTensor {
  const found = tensors.get(name);
  if (!found) throw new Error(`The vectors have no ${name}: run make_vectors.py`);
  return found;
}

/** A small model with what the original computes for it. */
export interface Reference {
  readonly folder: string;
  readonly config: DecoderConfig;
  readonly parameters: ParameterMap;
  readonly facts: Facts;
  readonly tensors: ParameterMap;
}

/** Reads a case of make_vectors.py. */
export async function readReference(name: string): Promise<Reference> {
  const folder = join(VECTORS, name);
  const config = await readDecoderConfig(join(folder, 'model'));
  const [parameters, facts, tensors] = await Promise.all([
    readParameters(join(folder, 'model'), config),
    readFacts<Facts>(join(name, 'vectors.json')),
    readSafetensors(join(folder, 'vectors.safetensors')),
  ]);
  return { folder, config, parameters, facts, tensors };
}

/** max |ours − theirs| / max |theirs|. NaN where the lengths differ. */
export function relativeError(ours: Float32Array, theirs: Float32Array): number {
  const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largestError(ours, theirs) / largest;
}

/** max |ours − theirs|. NaN where the lengths differ. */
export function largestError(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) return NaN;
  return Array.from(theirs).reduce((most, value, index) => {
    const distance = Math.abs(value - (ours[index] ?? NaN));
    return distance <= most ? most : distance;
  }, 0);
}

/** Logits after every token of a sequence, by one full forward pass as a traced program: [length · vocabulary]. */
export async function logitsOf(
  config: DecoderConfig,
  parameters: ParameterMap,
  ids: readonly number[],
  adapter?: Adapter,
): Promise<Float32Array> {
  const grid: TensorSpec = { dtype: 'int32', shape: [1, ids.length] };
  const matrices = adapter ? loraShapes(config, adapter.lora) : new Map<string, readonly number[]>();
  const inputs: Record<string, TensorSpec> = {
    tokens: grid,
    ...Object.fromEntries(parameterSpecs(config)),
    ...Object.fromEntries([...matrices].map(([name, shape]) => [name, { dtype: 'float32', shape }])),
    positions: grid,
  };
  const graph = trace(inputs, (given) => {
    const { tokens, positions } = given;
    if (!tokens || !positions) throw new Error('The program has no tokens');
    const linear = adapter ? withLora(linearOf(given), adapter.lora, given) : linearOf(given);
    const { hidden } = decode(config, given, linear, {
      tokens: tokens as tf.Tensor2D,
      positions: positions as tf.Tensor2D,
      bias: causalBias(ids.length),
    });
    return { logits: headLogits(config, given, hidden) };
  });
  const program = await Program.compile(graph);
  try {
    const { logits } = await program.run({
      ...hostParameters(new Map([...parameters, ...(adapter?.parameters ?? [])])).tensors,
      tokens: hostTensor(grid, Int32Array.from(ids)),
      positions: hostTensor(grid, Int32Array.from(ids.keys())),
    });
    if (!logits) throw new Error('The program has no logits');
    return float32(logits);
  } finally {
    await program.dispose();
  }
}

/** Log-probabilities and entropies of every token of each sequence but the first, by teacher forcing. */
export async function scoresOf(
  config: DecoderConfig,
  parameters: ParameterMap,
  sequences: readonly (readonly number[])[],
): Promise<{ logprobs: number[]; entropies: number[] }[]> {
  const scoring = new TeacherForcing(config);
  try {
    const scores = await scoring.score(
      hostParameters(parameters),
      sequences.map((ids) => ({ prompt: ids.slice(0, 1), continuations: [ids.slice(1)] })),
    );
    return scores.flat();
  } finally {
    await scoring.dispose();
  }
}

/** Greedy continuations by the sampler, all at once, in the order of the prompts. */
export async function greedyOf(
  config: DecoderConfig,
  parameters: ParameterMap,
  prompts: readonly (readonly number[])[],
  eosTokenId: number,
): Promise<number[][]> {
  const sampler = new Sampler({ config, eosTokenId, padTokenId: 0 });
  try {
    const found = new Array<number[]>(prompts.length);
    const options = { samples: 1, maxNewTokens: 64, temperature: 0, topP: 1, seed: 1 };
    const named = prompts.map((tokens, index) => ({ id: String(index), tokens }));
    for await (const sample of sampler.sample(hostParameters(parameters), named, options))
      found[Number(sample.promptId)] = sample.tokens;
    return found;
  } finally {
    await sampler.dispose();
  }
}
