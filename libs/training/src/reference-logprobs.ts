// Log-probabilities under the reference model, which is the base model or the base model with an adapter: computed once for each
// example, before the first step, and kept in the run's folder.
import { setImmediate } from 'node:timers/promises';
import {
  type DecoderConfig,
  linearOf,
  type LoraConfig,
  loraShapes,
  parameterSpecs,
  readSafetensors,
  withLora,
  writeSafetensors,
} from '@overtone/language-model';
import { float32, type HostTensor, Program, type ProgramOptions, trace } from '@overtone/tensor';
import { packedCompletions } from './packed-logprobs.ts';
import { batchSpecs, type BatchShape, packBatch } from './packing.ts';
import { completionLength } from './sequence.ts';
import { type StepPlan, type TokenizedExample } from './step-plan.ts';

/** Log-probabilities of an example's sequences, or of their completion tokens one sequence after another; nats. */
export type References = ReadonlyMap<TokenizedExample, readonly number[]>;

/** What references are computed with. */
export interface ReferenceOptions {
  readonly config: DecoderConfig;
  readonly weights: Readonly<Record<string, HostTensor>>;
  /** The reference model's adapter. Default: the base model is the reference. */
  readonly adapter?:
    { readonly lora: LoraConfig; readonly weights: Readonly<Record<string, HostTensor>> } | undefined;
  readonly batch: BatchShape;
  /** One number for each completion token instead of each sequence. Default false. */
  readonly perToken?: boolean | undefined;
  readonly how: ProgramOptions;
  readonly signal?: AbortSignal | undefined;
}

/** Log-probabilities of every sequence of a plan, or of every completion token, under the reference model. */
export async function referenceLogprobs(
  { config, weights, adapter, batch, perToken, how, signal }: ReferenceOptions,
  plan: StepPlan,
): Promise<References> {
  const matrices = [...(adapter === undefined ? [] : loraShapes(config, adapter.lora))].map(
    ([name, shape]) => [name, { dtype: 'float32', shape }] as const,
  );
  const specs = {
    ...batchSpecs(batch),
    ...Object.fromEntries(parameterSpecs(config)),
    ...Object.fromEntries(matrices),
  };
  const program = await Program.compile(
    trace(specs, (inputs) => {
      const base = linearOf(inputs);
      const linear = adapter === undefined ? base : withLora(base, adapter.lora, inputs);
      const { logprobs, tokens } = packedCompletions(config, inputs, linear, inputs);
      return { logprobs: perToken === true ? tokens : logprobs };
    }),
    how,
  );
  const frozen = { ...weights, ...adapter?.weights };
  const known = new Map<TokenizedExample, readonly number[]>();
  try {
    for (const step of plan) {
      const fresh = step.filter((example) => !known.has(example));
      if (fresh.length === 0) continue;
      await setImmediate();
      signal?.throwIfAborted();
      const sequences = fresh.flatMap((example) => example.sequences);
      const { logprobs } = await program.run({ ...frozen, ...packBatch(sequences, batch) });
      if (!logprobs) throw new Error('The program returned no log-probabilities');
      split(float32(logprobs), fresh, known, perToken);
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
  const size = examples.reduce((sum, example) => sum + numbersOf(example, options.perToken), 0);
  const kept = await readSafetensors(path).catch(() => undefined);
  const data = kept?.get('logprobs')?.data;
  if (data?.length === size) {
    const known = new Map<TokenizedExample, readonly number[]>();
    split(data, examples, known, options.perToken);
    return known;
  }
  const references = await referenceLogprobs(options, plan);
  const all = Float32Array.from(examples.flatMap((example) => references.get(example) ?? []));
  await writeSafetensors(path, new Map([['logprobs', { shape: [size], data: all }]]));
  return references;
}

/** How many numbers an example has. */
function numbersOf({ sequences }: TokenizedExample, perToken = false): number {
  return perToken
    ? sequences.reduce((sum, sequence) => sum + completionLength(sequence), 0)
    : sequences.length;
}

/** Hands consecutive numbers to the examples that they are of. */
function split(
  values: Float32Array,
  examples: readonly TokenizedExample[],
  into: Map<TokenizedExample, readonly number[]>,
  perToken: boolean | undefined,
): void {
  let place = 0;
  for (const example of examples)
    into.set(example, Array.from(values.subarray(place, (place += numbersOf(example, perToken)))));
}
