// What `overtone train` does before anything is trained: the settings, the model's shape and all of the data are checked, and with
// --dry-run the training is forecast. Free of gRPC, so that telemetry can start between this and the training.
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { InputError, loadObjective, type Objective } from '@overtone/experiment/prepare';
import { ModelError, parseTargetModules } from '@overtone/language-model';
import {
  createObjective,
  measureTraining,
  planTraining,
  predictStepMemory,
  TrainingError,
  type TrainingOptions,
  type TrainingPlan,
} from '@overtone/training';
import { specOf } from './dry-run.ts';
import { formatBytes } from './format-bytes.ts';
import { fetchModel } from './model-commands.ts';
import type { TrainFlags } from './train-program.ts';

/** A training that has been checked. */
export interface CheckedTraining {
  readonly objective: Objective;
  readonly options: TrainingOptions;
  readonly plan: TrainingPlan;
  /** The model as services are told of it. */
  readonly model: string;
}

/** What a training would do and take. */
export interface TrainingForecast {
  readonly objective: string;
  readonly steps: number;
  readonly groups: number;
  /** Groups of one solution, and of equal scores: not trained on. */
  readonly dropped: { readonly single: number; readonly tied: number };
  readonly sequences: number;
  /** Tokens of all steps, those that are repeated in another pass counted again. */
  readonly tokens: number;
  /** Bytes. */
  readonly memory: ReturnType<typeof predictStepMemory>;
  /** Seconds, from three steps that were taken. */
  readonly seconds: Awaited<ReturnType<typeof measureTraining>>;
}

/** Reads the settings, the model's shape and all of the data; computes nothing. @throws InputError for what cannot be used. */
export async function checkTraining(
  dataset: string,
  flags: TrainFlags,
  signal: AbortSignal,
): Promise<CheckedTraining> {
  const stepsGiven = flags.set.some(([key]) => key === 'steps');
  const defaults = [['groupsPerStep', '8'] as const, ['steps', '1'] as const].filter(
    ([key]) => flags.config === undefined && !flags.set.some(([name]) => name === key),
  );
  const objective = loadObjective(flags.config, [...defaults, ...flags.set]);
  for (const key of ['selection', 'attenuate'] as const)
    if (objective[key] !== undefined)
      throw new InputError(
        `${key}: needs questions and a signal; "overtone run" takes them from an experiment`,
      );
  if (!existsSync(dataset)) throw new InputError(`${dataset}: no such file`);
  if (flags.trainer !== undefined && flags.artifacts === undefined)
    throw new InputError('--trainer: needs --artifacts, the store that the trainer was started with');
  const out = flags.dryRun || flags.out === undefined ? undefined : resolve(flags.out);
  if (out !== undefined && existsSync(out) && readdirSync(out).length > 0)
    throw new InputError(`${out} is not empty; give another --out, or remove it first`);
  const onePass = flags.config === undefined && !stepsGiven;
  const { path: model, reference } = await fetchModel(flags.model, signal);
  const { lora, optimizer, groupsPerStep, maxLength, microBatches, gradientCheckpointing, maxLossRatio } =
    objective;
  try {
    const options: TrainingOptions = {
      model,
      dataset,
      objective: createObjective(specOf(objective)),
      lora: { ...lora, targetModules: parseTargetModules(lora.targetModules) },
      loraDropout: lora.dropout,
      optimizer,
      batching: { groupsPerStep, steps: onePass ? 0 : objective.steps },
      microBatches,
      gradientCheckpointing,
      seed: flags.seed,
      maxLength,
      snapshotEverySteps: 0,
      maxLossRatio,
    };
    return { objective, options, plan: await planTraining(options, signal), model: reference };
  } catch (error) {
    const refused = error instanceof ModelError || error instanceof TrainingError;
    throw refused ? new InputError(error.message, { cause: error }) : error;
  }
}

/** What a checked training would do and take. */
export async function forecastTraining(
  { objective, options, plan }: CheckedTraining,
  { threads, precision }: Pick<TrainFlags, 'threads' | 'precision'>,
  signal: AbortSignal,
): Promise<TrainingForecast> {
  const hardware = { device: 'cpu', precision } as const;
  const steps = plan.plan.flat();
  return {
    objective: options.objective.name,
    steps: plan.plan.length,
    groups: plan.data.examples.length,
    dropped: { single: plan.data.single.length, tied: plan.data.tied.length },
    sequences: steps.reduce((sum, { sequences }) => sum + sequences.length, 0),
    tokens: steps.flatMap(({ sequences }) => sequences).reduce((sum, { tokens }) => sum + tokens.length, 0),
    memory: predictStepMemory({
      config: plan.config,
      lora: options.lora,
      objective: specOf(objective),
      batch: plan.batch,
      gradientCheckpointing: options.gradientCheckpointing,
      hardware,
    }),
    seconds: await measureTraining(options, { threads, hardware, signal }),
  };
}

const count = (value: number): string => value.toLocaleString('en');

function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toPrecision(2)} s`;
  return seconds < 6000 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** A forecast for people. */
export function renderForecast({
  objective,
  steps,
  groups,
  dropped,
  sequences,
  tokens,
  memory,
  seconds,
}: TrainingForecast): string {
  const left = dropped.single + dropped.tied;
  const parts = {
    weights: memory.weights,
    state: memory.state,
    activations: memory.activations,
    process: memory.process,
  };
  const rows = [
    ['objective', objective],
    [
      'data',
      `${count(groups)} groups${left === 0 ? '' : `; left out: ${count(dropped.single)} with one solution, ${count(dropped.tied)} with equal scores`}`,
    ],
    ['training', `${count(steps)} steps, ${count(sequences)} sequences, ${count(tokens)} tokens`],
    [
      'memory',
      `${formatBytes(memory.total)}: ${Object.entries(parts)
        .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
        .join(', ')}`,
    ],
    [
      'time',
      `about ${duration(seconds.total)}, from three steps taken now: ${duration(seconds.step)} a step${seconds.references > 0 ? `, ${duration(seconds.references)} for the reference model` : ''}, ${duration(seconds.start)} to start`,
    ],
  ];
  return `${rows.map(([name = '', text = '']) => `${name.padEnd(9)}  ${text}`).join('\n')}\n`;
}
