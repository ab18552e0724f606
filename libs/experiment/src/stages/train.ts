// Train: one job of the trainer, watched until it ends, across restarts of the trainer and of this process.
import type { ArtifactRef } from '@overtone/artifacts';
import { hashKey, type Json } from '@overtone/artifacts';
import {
  AlarmAction,
  DpoLossType,
  GrpoLossType,
  ImportanceSamplingLevel,
  type Job,
  Schedule,
  SftSelection,
  type TrainingSpec,
} from '@overtone/contracts';
import { z } from 'zod';
import type { Objective } from '../config/schema.ts';
import { type Found, findOrMake, readRows, type RunContext } from '../run-context.ts';
import { followJob } from './follow-job.ts';
import { followUntil } from './follow-until.ts';
import type { Until } from './select.ts';

/** Weights at a step. */
export interface TrainedSnapshot {
  readonly step: number;
  readonly weights: ArtifactRef;
}

/** What a training left. */
export interface Training {
  /** In the order of steps, but where an alarm ended the training, its last good weights come last. */
  readonly snapshots: readonly TrainedSnapshot[];
  readonly metrics: z.infer<typeof trained>['metrics'];
  /** The alarm that ended it, in words. */
  readonly alarm?: string | undefined;
  /** Alarms that did not end it. */
  readonly warnings?: readonly string[] | undefined;
}

/** What to train. */
export interface TrainOptions {
  /** For people, for example "dpo/self-judge seed 2". */
  readonly label: string;
  /** The specification; its model is where the trainer finds the model. */
  readonly spec: TrainingSpec;
  /** SHA-256 of the model: stands for it in the key. */
  readonly model: string;
  /** Where it may end early, and everything that determines that. Default: at its last step. */
  readonly until?: (Pick<Until, 'ends'> & { readonly key: Json }) | undefined;
  /** Runs the job when it is its turn. */
  readonly turn: <Result>(task: () => Promise<Result>) => Promise<Result>;
}

const trained = z.object({
  snapshots: z.array(
    z.object({ step: z.int(), weights: z.object({ sha256: z.string(), mediaType: z.string() }) }),
  ),
  metrics: z.array(z.object({ step: z.int(), values: z.record(z.string(), z.number().nullable()) })),
  alarm: z.string().optional(),
  warnings: z.array(z.string()).optional(),
});

/**
 * Trains, or finds what was trained with the same specification before.
 *
 * @throws Error when the job fails.
 */
export async function train(
  context: RunContext,
  { label, spec, model, until, turn }: TrainOptions,
): Promise<Training> {
  const stage = context.progress.stage('train');
  const work = trainingKey(spec, model);
  const stepped = (step: number, values: Readonly<Record<string, number | null>>): void =>
    context.progress.trained({ job: label, step, steps: spec.steps, values });
  const inTurn = <Result>(task: () => Promise<Result>): Promise<Result> => turn(() => stage.run(task, label));
  const findOrTrain = (): Promise<Found> =>
    findOrMake(context, {
      stage: 'train',
      label,
      key: until === undefined ? work : { training: work, until: until.key },
      make: async (key) => {
        const { trainer } = context.services;
        const { signal, store } = context;
        // The trainer compares specifications by value: a model folder that has moved is another job. One that ends early is another one
        // than the same that does not, and may be continued.
        const jobOf = (of: Json): string => hashKey({ key: of, model: spec.model });
        if (until !== undefined) {
          const jobId = jobOf({ training: work, ends: 'early' });
          const { ends } = until;
          return store.writeJsonl([
            plain(await followUntil({ trainer, jobId, spec, stage, signal, ends, stepped, turn: inTurn })),
          ]);
        }
        const followed = await followJob({ trainer, jobId: jobOf(key), spec, stage, signal, stepped });
        return store.writeJsonl([plain({ ...trainingOf(followed.job, spec), metrics: followed.metrics })]);
      },
    });
  // One that ends early is measured meanwhile: only what the trainer does of it waits for its turn.
  const { ref, reused } = await (until === undefined ? inTurn(findOrTrain) : findOrTrain());
  const [result] = await readRows(context.store, ref, (value) => trained.parse(value));
  const last = result?.snapshots.at(-1);
  const early = until !== undefined || result?.alarm !== undefined;
  if (result === undefined || last === undefined || (last.step !== spec.steps && !early))
    throw new Error(`training ${label} ended without the weights of its last step`);
  for (const alarm of [result.alarm ?? [], result.warnings ?? []].flat())
    context.progress.alarm(`${label}: ${alarm}`);
  if (reused) {
    stage.advance(spec.steps, true);
    for (const { step, values } of result.metrics) stepped(step, values);
  }
  return result;
}

/** What is written: nothing of what there was not. */
function plain({ snapshots, metrics, alarm, warnings = [] }: Training) {
  return {
    snapshots,
    metrics,
    ...(alarm !== undefined && { alarm }),
    ...(warnings.length > 0 && { warnings }),
  };
}

/** What a job that has ended by itself left; `regular` are the snapshots that it was to leave, so far. */
export function trainingOf(
  { snapshots, alarms }: Job,
  { snapshotEverySteps, steps }: TrainingSpec,
): Omit<Training, 'metrics'> & { readonly regular: readonly TrainedSnapshot[] } {
  const complete = snapshots.flatMap(({ step, weights }) =>
    weights === undefined ? [] : [{ step, weights }],
  );
  const regular = complete.filter(
    ({ step }) => step === steps || (step > 0 && snapshotEverySteps > 0 && step % snapshotEverySteps === 0),
  );
  const [ending] = alarms.filter(({ keptStep }) => keptStep !== undefined);
  const kept = complete.find(({ step }) => step === ending?.keptStep);
  const warnings = alarms.filter(({ keptStep }) => keptStep === undefined).map(({ message }) => message);
  if (ending === undefined || kept === undefined) return { snapshots: regular, regular, warnings };
  const alarm = `an alarm ended it at step ${ending.step}, back to the weights of step ${kept.step}: ${ending.message}`;
  const others = regular.filter(({ step }) => step !== kept.step);
  return { snapshots: [...others, kept], regular, alarm, warnings };
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
  dapo: GrpoLossType.GRPO_LOSS_TYPE_DAPO,
  bnpo: GrpoLossType.GRPO_LOSS_TYPE_BNPO,
  grpo: GrpoLossType.GRPO_LOSS_TYPE_GRPO,
  rloo: GrpoLossType.GRPO_LOSS_TYPE_RLOO,
  dr_grpo: GrpoLossType.GRPO_LOSS_TYPE_DR_GRPO,
} as const;

const LEVELS = {
  token: ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_TOKEN,
  sequence: ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_SEQUENCE,
} as const;

const SCHEDULES = {
  cosine: Schedule.SCHEDULE_COSINE,
  linear: Schedule.SCHEDULE_LINEAR,
  constant: Schedule.SCHEDULE_CONSTANT,
  'warmup-stable-decay': Schedule.SCHEDULE_WARMUP_STABLE_DECAY,
} as const;

const ALARM_ACTIONS = {
  stop: AlarmAction.ALARM_ACTION_STOP,
  warn: AlarmAction.ALARM_ACTION_WARN,
  off: AlarmAction.ALARM_ACTION_OFF,
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
  /** The adapter to continue from, which is also the reference. Default: a new one, with the base model as the reference. */
  readonly from?: ArtifactRef | undefined;
}): TrainingSpec {
  const { model, dataset, objective, learningRate, seed, engine, from } = options;
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
    maxKl: objective.alarms?.maxKl,
    minEntropyRatio: objective.alarms?.minEntropyRatio,
    alarmAction: objective.alarms?.action && ALARM_ACTIONS[objective.alarms.action],
    initialAdapter: from,
    referenceAdapter: from,
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
      const { importanceSamplingLevel = lossType === 'rloo' ? 'sequence' : 'token' } = objective;
      return {
        $case: 'grpo',
        value: {
          lossType: GRPO_LOSS_TYPES[lossType],
          epsilon,
          epsilonHigh,
          beta,
          maxCompletionLength,
          // Ratios of sequences are what a trainer takes that knows no other; their divergence used to be that of sequences too.
          importanceSamplingLevel:
            importanceSamplingLevel === 'sequence' && beta === 0
              ? undefined
              : LEVELS[importanceSamplingLevel],
        },
      };
    }
    case 'rrhf': {
      const { rankWeight, bradleyTerryWeights, labelSmoothing = 0 } = objective;
      return { $case: 'rrhf', value: { rankWeight, bradleyTerryWeights, labelSmoothing } };
    }
  }
}
