// Log-probabilities under the starting model: computed once for each example, before the first step, and kept in the run's folder.
import { setImmediate } from 'node:timers/promises';
import {
  type DecoderConfig,
  linearOf,
  parameterSpecs,
  readSafetensors,
  writeSafetensors,
} from '@overtone/language-model';
import { float32, type HostTensor, Program, type ProgramOptions, trace } from '@overtone/tensor';
import { packedLogprobs } from './packed-logprobs.ts';
import { batchSpecs, type BatchShape, packBatch } from './packing.ts';
import { type StepPlan, type TokenizedExample } from './step-plan.ts';

/** Log-probabilities of an example's sequences, nats. */
export type References = ReadonlyMap<TokenizedExample, readonly number[]>;

/** What references are computed with. */
export interface ReferenceOptions {
  readonly config: DecoderConfig;
  readonly weights: Readonly<Record<string, HostTensor>>;
  readonly batch: BatchShape;
  readonly how: ProgramOptions;
  readonly signal?: AbortSignal | undefined;
}

/** Log-probabilities of every sequence of a plan under the starting model, nats. */
export async function referenceLogprobs(
  { config, weights, batch, how, signal }: ReferenceOptions,
  plan: StepPlan,
): Promise<References> {
  const specs = { ...batchSpecs(batch), ...Object.fromEntries(parameterSpecs(config)) };
  const program = await Program.compile(
    trace(specs, (inputs) => ({ logprobs: packedLogprobs(config, inputs, linearOf(inputs), inputs) })),
    how,
  );
  const known = new Map<TokenizedExample, readonly number[]>();
  try {
    for (const step of plan) {
      const fresh = step.filter((example) => !known.has(example));
      if (fresh.length === 0) continue;
      await setImmediate();
      signal?.throwIfAborted();
      const sequences = fresh.flatMap((example) => example.sequences);
      const { logprobs } = await program.run({ ...weights, ...packBatch(sequences, batch) });
      if (!logprobs) throw new Error('The program returned no log-probabilities');
      split(float32(logprobs), fresh, known);
    }
  } finally {
    await program.dispose();
  }
  return known;
}

/** As `referenceLogprobs`, from the file at `path` when an earlier run wrote it, else into it. */
export async function keptReferences(
  path: string,
  options: ReferenceOptions,
  plan: StepPlan,
): Promise<References> {
  const examples = [...new Set(plan.flat())];
  const size = examples.reduce((sum, { sequences }) => sum + sequences.length, 0);
  const kept = await readSafetensors(path).catch(() => undefined);
  const data = kept?.get('logprobs')?.data;
  if (data?.length === size) {
    const known = new Map<TokenizedExample, readonly number[]>();
    split(data, examples, known);
    return known;
  }
  const references = await referenceLogprobs(options, plan);
  const all = Float32Array.from(examples.flatMap((example) => references.get(example) ?? []));
  await writeSafetensors(path, new Map([['logprobs', { shape: [size], data: all }]]));
  return references;
}

/** Hands the numbers of consecutive places to the examples that took them. */
function split(
  values: Float32Array,
  examples: readonly TokenizedExample[],
  into: Map<TokenizedExample, readonly number[]>,
): void {
  let place = 0;
  for (const example of examples)
    into.set(example, Array.from(values.subarray(place, (place += example.sequences.length))));
}
