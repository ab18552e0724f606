// A training run: from a model and a data set to snapshots of trained weights, step by step, continuing from its last
// checkpoint when there is one. Given the same inputs it ends in the same bits, however often it was interrupted.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  checkAdapter,
  type DecoderConfig,
  initialAdapter,
  type LoraConfig,
  type ParameterMap,
  readAdapter,
} from '@overtone/language-model';
import { type AdamWOptions } from './adamw.ts';
import { type Alarm, type AlarmOptions } from './alarms.ts';
import { type CheckpointPolicy, Checkpoints } from './checkpoints.ts';
import { programWeights } from './frozen-weights.ts';
import { joinVector } from './layout.ts';
import { DEFAULT_MAX_LOSS_RATIO, LossGuard } from './loss-guard.ts';
import { type Objective } from './objectives/objective.ts';
import { type Computing, prepareTraining, type PreparedTraining } from './prepare-training.ts';
import { keptReferences } from './reference-logprobs.ts';
import { scheduleFactor, type ScheduleKind } from './schedule.ts';
import { stepCounts } from './step-counts.ts';
import { earlierSnapshots, writeSnapshot } from './snapshots.ts';
import { type Batching } from './step-plan.ts';
import { createStepRunner } from './step-runner.ts';
import { TrainingError } from './training-error.ts';
import { type TrainingState } from './training-state.ts';
import { alarmsOf, goodState, vitalsOf } from './watch-run.ts';

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
  /** Probability that a number which the adapter reads is dropped in training. Default 0. */
  readonly loraDropout?: number | undefined;
  readonly optimizer: AdamWOptions & {
    readonly learningRate: number;
    readonly warmupRatio: number;
    readonly schedule: ScheduleKind;
  };
  readonly batching: Batching;
  /** Runs of the program that a step's groups are spread over, their gradients summed: less memory, the same step. Default 1. */
  readonly microBatches?: number | undefined;
  /** Keep each layer's input alone for the gradient: less memory, a third more work, the same step. Default false. */
  readonly gradientCheckpointing?: boolean | undefined;
  /** Seed of the adapter's initial values, of the order of the data and of random selection. */
  readonly seed: number;
  /** Longest sequence, tokens. */
  readonly maxLength: number;
  /** Steps between snapshots; 0 keeps the last alone. */
  readonly snapshotEverySteps: number;
  /** An adapter folder to start from, of the same configuration as `lora`. Default: a new adapter, drawn from the seed. */
  readonly initialAdapter?: string | undefined;
  /** The adapter folder of the reference model, where the objective has one. Default: the base model is the reference. */
  readonly referenceAdapter?: string | undefined;
  /** Ends the run at a loss above this many times the running median, see loss-guard.ts. Default 100. */
  readonly maxLossRatio?: number | undefined;
  /** What sounds an alarm, see alarms.ts. Default: its defaults, but off with `initializeSeed`, where everything has to move. */
  readonly alarms?: AlarmOptions | undefined;
}

/** Where a run keeps its state, and how it runs. */
export interface RunOptions extends Computing {
  /** Folder of the run's checkpoint and snapshots. */
  readonly folder: string;
  /** When checkpoints are written, and how many are kept. */
  readonly checkpoints?: CheckpointPolicy;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run reports. */
export type TrainingEvent =
  | {
      readonly type: 'planned';
      readonly steps: number;
      readonly resumedAt: number;
      /** Groups that the objective cannot learn from: of one solution, or of equal scores. */
      readonly dropped: number;
    }
  | { readonly type: 'step'; readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'snapshot'; readonly step: number; readonly folder: string }
  | {
      readonly type: 'alarm';
      readonly step: number;
      readonly alarm: Alarm;
      /** The step whose weights the run ends with, as its next snapshot; undefined where it goes on. */
      readonly kept: number | undefined;
    };

/**
 * Trains. Yields the plan, then every step from the checkpoint on, every snapshot, and every alarm. One that stops the run is followed by
 * the snapshot of its last good weights, and the run has ended well.
 *
 * @throws {TrainingError} when the data cannot be trained on, a checkpoint cannot be written, or the loss is not a number or explodes:
 *   the last checkpoint then remains.
 * @throws {ModelError} when the model cannot be loaded.
 */
export async function* runTraining(options: TrainingOptions, run: RunOptions): AsyncGenerator<TrainingEvent> {
  const { optimizer, objective } = options;
  const prepared = await prepareTraining(options, run);
  const { plan, runs, layout, data, model, batch, weights, how } = prepared;
  const checkpoints = new Checkpoints(run.folder, run.checkpoints);
  await mkdir(run.folder, { recursive: true });
  let state = (await checkpoints.latest(layout.size)) ?? (await initialState(options, prepared));
  const dropped = data.single.length + data.tied.length;
  yield { type: 'planned', steps: plan.length, resumedAt: state.step, dropped };
  for (const snapshot of await earlierSnapshots(run.folder, state.step))
    yield { type: 'snapshot', ...snapshot };

  const under = async (name: string, adapter: string | undefined): ReturnType<typeof keptReferences> =>
    keptReferences(
      join(run.folder, name),
      {
        config: model.config,
        weights,
        adapter: await adapterAt(adapter, model.config),
        batch,
        perToken: objective.needsTokens,
        how,
        signal: run.signal,
      },
      runs,
    );
  const references = objective.needsReference
    ? await under('reference.safetensors', options.referenceAdapter)
    : undefined;
  const startsElsewhere =
    objective.needsTokens === true && options.initialAdapter !== options.referenceAdapter;
  const old = startsElsewhere ? await under('old.safetensors', options.initialAdapter) : references;
  const alarms = alarmsOf(options, state);
  const counts = stepCounts(plan);
  const guard = new LossGuard(options.maxLossRatio ?? DEFAULT_MAX_LOSS_RATIO, state.losses);
  const runner = await createStepRunner(options, { prepared, references, old });
  try {
    for (const [index, step] of plan.entries()) {
      if (index < state.step) continue;
      await setImmediate();
      if (run.signal?.aborted) {
        await checkpoints.save(state);
        throw run.signal.reason;
      }
      const began = performance.now();
      const factor = scheduleFactor(optimizer.schedule, index + 1, plan.length, optimizer.warmupRatio);
      const learningRate = optimizer.learningRate * factor;
      const { next, metrics } = await runner.run(step, state, learningRate);
      const wrong = guard.check(metrics['loss'] ?? NaN, metrics['grad_norm'] ?? NaN);
      if (wrong !== undefined) {
        // The weights that this loss was computed with may be what is wrong: those of the step before it had a good one.
        await checkpoints.discard(state.step);
        const [kept] = await checkpoints.steps();
        const left = kept === undefined ? 'no checkpoint is good' : `the checkpoint of step ${kept} is kept`;
        throw new TrainingError(
          `step ${index + 1}: ${wrong} on groups ${step.map(({ id }) => id).join(', ')}; ${left}; lower the learning rate, or leave these groups out`,
        );
      }
      const sounded = alarms?.take(vitalsOf(metrics)) ?? [];
      const good = goodState(alarms, state, { step: index + 1, theta: next.theta });
      state = { step: index + 1, ...next, losses: guard.recent, vitals: alarms?.history, good };
      const seconds = (performance.now() - began) / 1000;
      yield {
        type: 'step',
        step: state.step,
        metrics: {
          ...metrics,
          learning_rate: learningRate,
          ...counts(index, seconds),
          ...objective.scoreMetrics?.(step.map(({ scores }) => scores)),
        },
      };
      const stops = options.alarms?.action !== 'warn';
      for (const alarm of sounded)
        yield { type: 'alarm', step: state.step, alarm, kept: stops ? good?.step : undefined };
      if (sounded.length > 0 && stops && good !== undefined) {
        yield { type: 'snapshot', ...(await writeSnapshot(options, layout, good, run.folder)) };
        return;
      }
      const due = options.snapshotEverySteps > 0 && state.step % options.snapshotEverySteps === 0;
      if (due || state.step === plan.length)
        yield { type: 'snapshot', ...(await writeSnapshot(options, layout, state, run.folder)) };
      if (state.step < plan.length && checkpoints.due(state.step)) await checkpoints.save(state);
    }
    await checkpoints.save(state);
  } finally {
    await runner.dispose();
  }
}

/** The state before the first step. */
export async function initialState(
  options: Pick<TrainingOptions, 'lora' | 'initialAdapter' | 'seed'>,
  { layout, model: { config, parameters } }: PreparedTraining,
): Promise<TrainingState> {
  const { lora, initialAdapter: folder, seed } = options;
  let start: ParameterMap = lora ? initialAdapter(config, lora, seed) : parameters;
  if (folder !== undefined) {
    if (!lora) throw new TrainingError(`${folder}: all parameters are trained, not an adapter; give lora`);
    const adapter = await readAdapter(folder);
    checkAdapter(config, { ...adapter, lora }, folder);
    start = adapter.parameters;
  }
  const zeros = (): Float32Array => new Float32Array(layout.size);
  return { step: 0, theta: joinVector(layout, start), first: zeros(), second: zeros(), losses: [] };
}

/** An adapter that does not change; undefined where there is none. */
async function adapterAt(folder: string | undefined, config: DecoderConfig) {
  if (folder === undefined) return undefined;
  const adapter = await readAdapter(folder);
  checkAdapter(config, adapter, folder);
  return { lora: adapter.lora, weights: programWeights(adapter.parameters) };
}
