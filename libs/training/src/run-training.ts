// A training run: from a model and a data set to snapshots of trained weights, step by step, continuing from its last
// checkpoint when there is one. Given the same inputs it ends in the same bits, however often it was interrupted.
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  type DecoderConfig,
  initialAdapter,
  initialParameters,
  linearOf,
  type LoraConfig,
  loraShapes,
  type Model,
  parameterSpecs,
  PROJECTIONS,
  projectionShape,
  readDecoderConfig,
  readParameters,
  readTokenizer,
  writeAdapter,
  writeModel,
} from '@overtone/language-model';
import {
  float32,
  type Hardware,
  hostTensor,
  type HostTensor,
  Program,
  type ProgramOptions,
  trace,
} from '@overtone/tensor';
import { type AdamWOptions } from './adamw.ts';
import { readTrainingGroups } from './dataset.ts';
import { joinVector, type Layout, layoutOf, splitVector } from './layout.ts';
import { type Objective } from './objectives/objective.ts';
import { packedLogprobs } from './packed-logprobs.ts';
import { batchShape, batchSpecs, type BatchShape, packBatch } from './packing.ts';
import { scheduleFactor, type ScheduleKind } from './schedule.ts';
import {
  type Batching,
  planSteps,
  type StepPlan,
  type TokenizedExample,
  tokenizeExamples,
} from './step-plan.ts';
import { stepInputs, trainStep } from './train-step.ts';
import { TrainingError } from './training-error.ts';
import { loadState, saveState, type TrainingState } from './training-state.ts';

/** What to train, on what, and how: everything that determines the result. */
export interface TrainingOptions {
  /** Model folder or .gguf file to start from; with `initializeSeed`, only its configuration and tokenizer are used. */
  readonly model: string;
  /** What adapters record as their base model, for instance its name on the hub. Default: `model`. */
  readonly baseModel?: string | undefined;
  /** Start from random weights drawn from this seed. Default: the folder's weights. */
  readonly initializeSeed?: number | undefined;
  /** JSONL file of training groups. */
  readonly dataset: string;
  readonly objective: Objective;
  /** The adapter to train. Default: all parameters are trained. */
  readonly lora?: LoraConfig | undefined;
  readonly optimizer: AdamWOptions & {
    readonly learningRate: number;
    readonly warmupRatio: number;
    readonly schedule: ScheduleKind;
  };
  readonly batching: Batching;
  /** Seed of the adapter's initial values, of the order of the data and of random selection. */
  readonly seed: number;
  /** Longest sequence, tokens. */
  readonly maxLength: number;
  /** Steps between snapshots; 0 keeps the last alone. */
  readonly snapshotEverySteps: number;
}

/** Where a run keeps its state, and how it runs. */
export interface RunOptions {
  /** Folder of the run's checkpoint and snapshots. */
  readonly folder: string;
  /** Seconds between checkpoints. Default 5. */
  readonly checkpointSeconds?: number;
  /** Threads within an operator. Default 1; other numbers change the last bits of the result. */
  readonly threads?: number;
  /** What programs run on, and in which precision. Default: the CPU, float32; others change the result. */
  readonly hardware?: Hardware;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run reports. */
export type TrainingEvent =
  | { readonly type: 'planned'; readonly steps: number; readonly resumedAt: number }
  | { readonly type: 'step'; readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'snapshot'; readonly step: number; readonly folder: string };

const vector = (data: Float32Array): HostTensor =>
  hostTensor({ dtype: 'float32', shape: [data.length] }, data);
const scalar = (value: number): HostTensor =>
  hostTensor({ dtype: 'float32', shape: [] }, Float32Array.of(value));

/**
 * Trains. Yields the plan, then every step from the checkpoint on, and every snapshot.
 *
 * @throws {TrainingError} when the data cannot be trained on, or the loss is not a number: the last checkpoint then remains.
 * @throws {ModelError} when the model cannot be loaded.
 */
export async function* runTraining(options: TrainingOptions, run: RunOptions): AsyncGenerator<TrainingEvent> {
  const config = await readDecoderConfig(options.model);
  const tokenizer = await readTokenizer(options.model);
  const parameters =
    options.initializeSeed === undefined
      ? await readParameters(options.model, config)
      : initialParameters(config, options.initializeSeed);
  const { lora, objective } = options;
  const examples = await tokenizeExamples(readTrainingGroups(options.dataset), objective, tokenizer, {
    seed: options.seed,
    maxLength: Math.min(options.maxLength, config.maxPositionEmbeddings),
  });
  const plan = planSteps(examples, options.batching, options.seed);
  const layout = layoutOf(
    lora
      ? loraShapes(config, lora)
      : [...parameterSpecs(config)].map(([name, { shape }]) => [name, shape] as const),
  );
  const batch = batchShape(
    plan.map((step) => step.flatMap(({ sequences }) => sequences)),
    costlyKeys(config),
  );
  const model: Model = { folder: options.model, config, parameters, tokenizer };
  const weights = Object.fromEntries(
    [...parameters].map(([name, { shape, data }]) => [name, hostTensor({ dtype: 'float32', shape }, data)]),
  );

  const checkpoint = join(run.folder, 'checkpoint.safetensors');
  await mkdir(run.folder, { recursive: true });
  let state: TrainingState = (await loadState(checkpoint, layout.size)) ?? {
    step: 0,
    theta: joinVector(layout, lora ? initialAdapter(config, lora, options.seed) : parameters),
    first: new Float32Array(layout.size),
    second: new Float32Array(layout.size),
  };
  yield { type: 'planned', steps: plan.length, resumedAt: state.step };
  for (const snapshot of await earlierSnapshots(run.folder, state.step)) yield snapshot;

  const how: ProgramOptions = { threads: run.threads ?? 1, ...run.hardware };
  const references = objective.needsReference
    ? await referenceLogprobs(model, weights, plan, batch, how, run.signal)
    : undefined;
  const program = await compileStep(options, model, layout, batch, how);
  try {
    let saved = performance.now();
    for (const [index, step] of plan.entries()) {
      if (index < state.step) continue;
      await setImmediate();
      if (run.signal?.aborted) {
        await saveState(checkpoint, state);
        throw run.signal.reason;
      }
      const began = performance.now();
      const learningRate =
        options.optimizer.learningRate *
        scheduleFactor(options.optimizer.schedule, index + 1, plan.length, options.optimizer.warmupRatio);
      const outputs = await program.run({
        ...weights,
        ...stepFeeds(step, objective, batch, references),
        theta: vector(state.theta),
        first: vector(state.first),
        second: vector(state.second),
        learning_rate: scalar(learningRate),
        correction1: scalar(1 - options.optimizer.beta1 ** (index + 1)),
        correction2: scalar(1 - options.optimizer.beta2 ** (index + 1)),
      });
      const metrics = stepMetrics(outputs);
      if (!Number.isFinite(metrics['loss']) || !Number.isFinite(metrics['grad_norm'])) {
        throw new TrainingError(
          `step ${index + 1}: the loss is ${metrics['loss']} with gradient norm ${metrics['grad_norm']} on groups ${step.map(({ id }) => id).join(', ')}; lower the learning rate`,
        );
      }
      state = {
        step: index + 1,
        theta: output(outputs, 'next.theta'),
        first: output(outputs, 'next.first'),
        second: output(outputs, 'next.second'),
      };
      const tokens = step.reduce(
        (sum, { sequences }) =>
          sum + sequences.reduce((inner, sequence) => inner + sequence.tokens.length, 0),
        0,
      );
      yield {
        type: 'step',
        step: state.step,
        metrics: {
          ...metrics,
          learning_rate: learningRate,
          tokens,
          tokens_per_second: tokens / ((performance.now() - began) / 1000),
        },
      };
      const snapshot =
        state.step === plan.length ||
        (options.snapshotEverySteps > 0 && state.step % options.snapshotEverySteps === 0);
      if (snapshot)
        yield {
          type: 'snapshot',
          step: state.step,
          folder: await writeSnapshot(options, layout, state, run.folder),
        };
      if (state.step < plan.length && performance.now() - saved > 1000 * (run.checkpointSeconds ?? 5)) {
        await saveState(checkpoint, state);
        saved = performance.now();
      }
    }
    await saveState(checkpoint, state);
  } finally {
    await program.dispose();
  }
}

function output(outputs: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const tensor = outputs[name];
  if (!tensor) throw new Error(`The step returned no ${name}`);
  return float32(tensor);
}

function stepMetrics(outputs: Readonly<Record<string, HostTensor>>): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const name of Object.keys(outputs)) {
    if (name.startsWith('next.')) continue;
    metrics[name.replace(/^metric\./, '')] = output(outputs, name)[0] ?? NaN;
  }
  return metrics;
}

async function compileStep(
  { objective, lora, optimizer }: TrainingOptions,
  { config }: Model,
  layout: Layout,
  batch: BatchShape,
  how: ProgramOptions,
): Promise<Program> {
  const options = { config, lora, layout, objective, optimizer, batch };
  return Program.compile(
    trace(stepInputs(options), (inputs) => trainStep(options, inputs)),
    how,
  );
}

/** The batch of a step, its coefficients, and its reference log-probabilities. */
function stepFeeds(
  step: readonly TokenizedExample[],
  objective: Objective,
  batch: BatchShape,
  references: ReadonlyMap<TokenizedExample, readonly number[]> | undefined,
): Record<string, HostTensor> {
  const places = (values: (example: TokenizedExample) => readonly number[]): HostTensor => {
    const data = new Float32Array(batch.sequences);
    data.set(step.flatMap((example) => values(example)));
    return vector(data);
  };
  const coefficients: Record<string, HostTensor> = {};
  for (const name of objective.coefficients) {
    coefficients[`coefficient.${name}`] = places((example) => example.coefficients[name] ?? []);
  }
  return {
    ...packBatch(
      step.flatMap(({ sequences }) => sequences),
      batch,
    ),
    ...coefficients,
    reference: places((example) => references?.get(example) ?? []),
    groups: scalar(step.length),
  };
}

/** Log-probabilities of every sequence under the starting model, nats: once for each example, however often it is used. */
async function referenceLogprobs(
  { config }: Model,
  weights: Readonly<Record<string, HostTensor>>,
  plan: StepPlan,
  batch: BatchShape,
  how: ProgramOptions,
  signal: AbortSignal | undefined,
): Promise<Map<TokenizedExample, readonly number[]>> {
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
      const values = output(
        await program.run({
          ...weights,
          ...packBatch(
            fresh.flatMap(({ sequences }) => sequences),
            batch,
          ),
        }),
        'logprobs',
      );
      let place = 0;
      for (const example of fresh)
        known.set(example, Array.from(values.subarray(place, (place += example.sequences.length))));
    }
  } finally {
    await program.dispose();
  }
  return known;
}

/** Attention's products are small, and run at about this fraction of the speed of a layer's projections. */
const ATTENTION_SPEED = 0.2;

/** Keys to attend to that cost a token as much as its layer's projections do. */
export function costlyKeys(config: DecoderConfig): number {
  const projections = PROJECTIONS.reduce((sum, projection) => {
    const [rows, columns] = projectionShape(config, projection);
    return sum + rows * columns;
  }, 0);
  return (ATTENTION_SPEED * projections) / (2 * config.numAttentionHeads * config.headDim);
}

const snapshotFolder = (folder: string, step: number): string => join(folder, 'snapshots', `step-${step}`);

/** The snapshots that were complete when an earlier run was interrupted; later ones will be written again. */
async function earlierSnapshots(folder: string, step: number): Promise<TrainingEvent[]> {
  const names = await readdir(join(folder, 'snapshots')).catch(() => []);
  return names
    .map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? NaN))
    .filter((at) => at <= step)
    .sort((a, b) => a - b)
    .map((at) => ({ type: 'snapshot', step: at, folder: snapshotFolder(folder, at) }));
}

/** Writes the weights at a step, as an adapter or a model folder, under its final name only when complete. */
async function writeSnapshot(
  { model, baseModel = model, lora }: TrainingOptions,
  layout: Layout,
  state: TrainingState,
  folder: string,
): Promise<string> {
  const path = snapshotFolder(folder, state.step);
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(dirname(path), { recursive: true });
  const parameters = splitVector(layout, state.theta);
  if (lora) await writeAdapter(partial, { lora, parameters }, baseModel);
  else await writeModel(partial, model, parameters);
  await rm(path, { recursive: true, force: true });
  await rename(partial, path);
  return path;
}
