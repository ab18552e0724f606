// Train: one job of the trainer, watched until it ends, across restarts of the trainer and of this process.
import type { ArtifactRef } from '@overtone/artifacts';
import { hashKey, type Json } from '@overtone/artifacts';
import {
  DpoLossType,
  GrpoLossType,
  type Job,
  JobState,
  Schedule,
  SftSelection,
  type TrainingSpec,
} from '@overtone/contracts';
import { RpcError } from '@overtone/rpc';
import { z } from 'zod';
import type { Objective } from '../config/schema.ts';
import type { Stage } from '../progress.ts';
import { findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts, type Services } from '../services.ts';

/** Weights at a step. */
export interface TrainedSnapshot {
  readonly step: number;
  readonly weights: ArtifactRef;
}

/** What to train. */
export interface TrainOptions {
  /** For people, for example "dpo/self-judge seed 2". */
  readonly label: string;
  /** The specification; its model is where the trainer finds the model. */
  readonly spec: TrainingSpec;
  /** SHA-256 of the model: stands for it in the key. */
  readonly model: string;
}

const trained = z.object({
  snapshots: z.array(
    z.object({ step: z.int(), weights: z.object({ sha256: z.string(), mediaType: z.string() }) }),
  ),
  metrics: z.array(z.object({ step: z.int(), values: z.record(z.string(), z.number().nullable()) })),
});

/**
 * Trains, or finds what was trained with the same specification before.
 *
 * @returns the snapshots in order; the last is that of the last step.
 * @throws Error when the job fails.
 */
export async function train(
  context: RunContext,
  { label, spec, model }: TrainOptions,
): Promise<TrainedSnapshot[]> {
  const stage = context.progress.stage('train');
  return stage.run(async () => {
    const { ref, reused } = await findOrMake(context, {
      stage: 'train',
      label,
      key: trainingKey(spec, model),
      make: async (key) => {
        // The trainer compares specifications by value: a model folder that has moved is another job.
        const jobId = hashKey({ key, model: spec.model });
        const { trainer } = context.services;
        const { job, metrics } = await followJob({ trainer, jobId, spec, stage, signal: context.signal });
        const snapshots = job.snapshots.flatMap(({ step, weights }) =>
          weights === undefined ? [] : [{ step, weights }],
        );
        return context.store.writeJsonl([{ snapshots, metrics }]);
      },
    });
    const [result] = await readRows(context.store, ref, (value) => trained.parse(value));
    const last = result?.snapshots.at(-1);
    if (result === undefined || last === undefined || last.step !== spec.steps)
      throw new Error(`training ${label} ended without the weights of its last step`);
    if (reused) stage.advance(spec.steps, true);
    return result.snapshots;
  }, label);
}

/**
 * Everything that determines what a training comes to. Settings of objectives that have come later are part of it only where they
 * are not their defaults, so that what was trained before they came is found again.
 */
export function trainingKey({ model: _, dataset, objective, ...rest }: TrainingSpec, model: string): Json {
  const plain = z.json().parse(JSON.parse(JSON.stringify({ ...rest, objective: keyOf(objective) })));
  return { ...z.record(z.string(), z.json()).parse(plain), dataset: dataset?.sha256 ?? null, model };
}

/** Settings that have come after their objective. */
const LATER_SETTINGS: Readonly<Record<string, readonly string[]>> = {
  dpo: ['lossType', 'labelSmoothing'],
  rrhf: ['labelSmoothing'],
};

function keyOf(objective: TrainingSpec['objective']) {
  if (objective === undefined) return objective;
  const later = LATER_SETTINGS[objective.$case] ?? [];
  const settings = Object.entries<unknown>({ ...objective.value }).filter(
    ([name, value]) => !later.includes(name) || value !== 0,
  );
  return { $case: objective.$case, value: Object.fromEntries(settings) };
}

/** A job to follow. */
export interface JobToFollow {
  readonly trainer: Services['trainer'];
  /** The job's id; with the same specification, the same job. */
  readonly jobId: string;
  readonly spec: TrainingSpec;
  /** Counts the steps; the caller has told it how many, unless the specification leaves that to the job. */
  readonly stage: Stage;
  readonly signal: AbortSignal;
}

/**
 * Creates a job, or joins it, and watches it to its end, also when the trainer dies and comes back in between.
 *
 * @throws Error when the job fails or is cancelled.
 */
export async function followJob({ trainer, jobId, spec, stage, signal }: JobToFollow) {
  const options = { signal };
  const metrics = new Map<number, Record<string, number>>();
  let seen = 0;
  let counted = spec.steps > 0;
  /** A job that makes one pass says itself how many steps that takes. */
  const countSteps = (job: Job | undefined): void => {
    if (counted || job === undefined || job.steps === 0) return;
    stage.expect(job.steps);
    counted = true;
  };
  return outlastRestarts(
    [trainer],
    async (progressed) => {
      const created = await createJob(trainer, spec, jobId, signal);
      let job = finished(created);
      while (job === undefined) {
        countSteps((await trainer.getJob({ jobId }, options)).job);
        try {
          for await (const { event } of trainer.watchJob({ jobId, afterStep: seen }, options)) {
            if (event?.$case === 'step') {
              const { loss } = event.value.values;
              metrics.set(event.value.step, event.value.values);
              if (loss !== undefined) stage.note(`loss ${loss.toPrecision(3)}`);
              stage.advance(Math.max(0, event.value.step - seen));
              seen = Math.max(seen, event.value.step);
              progressed();
            } else if (event?.$case === 'job') {
              countSteps(event.value);
              job = finished(event.value);
            }
            if (job !== undefined) break;
          }
        } catch (error) {
          if (!(error instanceof RpcError) || error.codeName !== 'DEADLINE_EXCEEDED') throw error;
        }
        job ??= finished((await trainer.getJob({ jobId }, options)).job);
      }
      // Steps that a job which has ended does not send again count as done.
      stage.advance(Math.max(0, job.steps - seen));
      seen = job.steps;
      const rows = [...metrics]
        .sort(([left], [right]) => left - right)
        .map(([step, values]) => ({ step, values }));
      return { job, metrics: rows };
    },
    options,
  );
}

/** Creates a job, or joins it: one that failed or was cancelled in an earlier sitting continues from its last checkpoint. */
async function createJob(
  trainer: Services['trainer'],
  spec: TrainingSpec,
  jobId: string,
  signal: AbortSignal,
): Promise<Job> {
  const { job } = await trainer.createJob({ jobId, spec, resume: true }, { signal });
  if (job === undefined) throw new Error('the trainer answered without a job');
  return job;
}

/** The job when it has succeeded, undefined while it is under way. @throws Error when it failed. */
function finished(job: Job | undefined): Job | undefined {
  if (job === undefined) throw new Error('the trainer answered without a job');
  switch (job.state) {
    case JobState.JOB_STATE_SUCCEEDED:
      return job;
    case JobState.JOB_STATE_FAILED:
      throw new Error(`training failed at step ${job.step} of ${job.steps}: ${job.error}`);
    case JobState.JOB_STATE_CANCELLED:
      throw new Error(`training was cancelled at step ${job.step} of ${job.steps}`);
    default:
      return undefined;
  }
}

const SELECTIONS = {
  best: SftSelection.SFT_SELECTION_BEST,
  random: SftSelection.SFT_SELECTION_RANDOM,
  all: SftSelection.SFT_SELECTION_ALL,
  'top-k': SftSelection.SFT_SELECTION_TOP_K,
  weighted: SftSelection.SFT_SELECTION_WEIGHTED,
} as const;

const LOSS_TYPES = {
  // The default is what a trainer does that knows no other.
  sigmoid: DpoLossType.DPO_LOSS_TYPE_UNSPECIFIED,
  robust: DpoLossType.DPO_LOSS_TYPE_ROBUST,
  hinge: DpoLossType.DPO_LOSS_TYPE_HINGE,
  ipo: DpoLossType.DPO_LOSS_TYPE_IPO,
  sigmoid_norm: DpoLossType.DPO_LOSS_TYPE_SIGMOID_NORM,
} as const;

const GRPO_LOSS_TYPES = {
  grpo: GrpoLossType.GRPO_LOSS_TYPE_GRPO,
  rloo: GrpoLossType.GRPO_LOSS_TYPE_RLOO,
  dr_grpo: GrpoLossType.GRPO_LOSS_TYPE_DR_GRPO,
} as const;

const SCHEDULES = {
  cosine: Schedule.SCHEDULE_COSINE,
  linear: Schedule.SCHEDULE_LINEAR,
  constant: Schedule.SCHEDULE_CONSTANT,
  'warmup-stable-decay': Schedule.SCHEDULE_WARMUP_STABLE_DECAY,
} as const;

/** The trainer's specification of an objective with a learning rate and a seed. */
export function trainingSpec(options: {
  /** Where the trainer finds the model. */
  readonly model: string;
  readonly dataset: ArtifactRef;
  readonly objective: Objective;
  readonly learningRate: number;
  readonly seed: number;
  /** What to compute on, "device/precision". Default: "cpu/float32". */
  readonly engine: string | undefined;
}): TrainingSpec {
  const { model, dataset, objective, learningRate, seed, engine } = options;
  return {
    model,
    dataset,
    objective: toMessage(objective),
    lora: { ...objective.lora },
    optimizer: {
      ...objective.optimizer,
      learningRate,
      schedule: SCHEDULES[objective.optimizer.schedule],
    },
    steps: objective.steps,
    groupsPerStep: objective.groupsPerStep,
    seed,
    snapshotEverySteps: objective.selection?.snapshotEverySteps ?? 0,
    maxLength: objective.maxLength,
    tokensPerStep: 0,
    engine,
    microBatches: objective.microBatches,
    gradientCheckpointing: objective.gradientCheckpointing,
    maxLossRatio: objective.maxLossRatio,
  };
}

function toMessage(objective: Objective): NonNullable<TrainingSpec['objective']> {
  switch (objective.type) {
    case 'sft':
      return {
        $case: 'sft',
        value: {
          selection: SELECTIONS[objective.choose],
          k: objective.choose === 'top-k' ? (objective.k ?? 2) : undefined,
        },
      };
    case 'dpo': {
      const { beta, lossType = 'sigmoid', labelSmoothing = 0, scoreMargin } = objective;
      return { $case: 'dpo', value: { beta, lossType: LOSS_TYPES[lossType], labelSmoothing, scoreMargin } };
    }
    case 'simpo': {
      const { beta, simpoGamma, labelSmoothing = 0 } = objective;
      return { $case: 'simpo', value: { beta, simpoGamma, labelSmoothing } };
    }
    case 'orpo':
      return { $case: 'orpo', value: { beta: objective.beta } };
    case 'kto': {
      const { beta, desirableWeight, undesirableWeight } = objective;
      return { $case: 'kto', value: { beta, desirableWeight, undesirableWeight } };
    }
    case 'plackett-luce':
      return { $case: 'plackettLuce', value: { beta: objective.beta } };
    case 'grpo': {
      const { lossType, epsilon, epsilonHigh = epsilon, beta, maxCompletionLength } = objective;
      return {
        $case: 'grpo',
        value: { lossType: GRPO_LOSS_TYPES[lossType], epsilon, epsilonHigh, beta, maxCompletionLength },
      };
    }
    case 'rrhf': {
      const { rankWeight, bradleyTerryWeights, labelSmoothing = 0 } = objective;
      return { $case: 'rrhf', value: { rankWeight, bradleyTerryWeights, labelSmoothing } };
    }
  }
}
