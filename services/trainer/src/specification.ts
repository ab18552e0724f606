// A training specification from the wire, validated and turned into the trainer's own options.
import {
  AlarmAction,
  DpoLossType,
  GrpoLossType,
  ImportanceSamplingLevel,
  type OptimizerSpec,
  type Schedule,
  Schedule as Schedules,
  SftSelection as Selections,
  type TrainingSpec,
} from '@overtone/contracts';
import { type LoraConfig, ModelError, parseTargetModules } from '@overtone/language-model';
import { checkField, invalidArgument, requiredField } from '@overtone/rpc';
import {
  type AlarmOptions,
  type Batching,
  type ObjectiveSpec,
  type ScheduleKind,
  type TrainingTask,
} from '@overtone/training';

const SCHEDULES = new Map<Schedule, ScheduleKind>([
  [Schedules.SCHEDULE_COSINE, 'cosine'],
  [Schedules.SCHEDULE_LINEAR, 'linear'],
  [Schedules.SCHEDULE_CONSTANT, 'constant'],
  [Schedules.SCHEDULE_WARMUP_STABLE_DECAY, 'warmup-stable-decay'],
]);

const SELECTIONS = new Map<number, Extract<ObjectiveSpec, { type: 'sft' }>['selection']>([
  [Selections.SFT_SELECTION_ALL, 'all'],
  [Selections.SFT_SELECTION_RANDOM, 'random'],
  [Selections.SFT_SELECTION_BEST, 'best'],
  [Selections.SFT_SELECTION_WEIGHTED, 'weighted'],
  [Selections.SFT_SELECTION_TOP_K, 'top-k'],
]);

const LOSS_TYPES = new Map<number, Extract<ObjectiveSpec, { type: 'dpo' }>['lossType']>([
  [DpoLossType.DPO_LOSS_TYPE_UNSPECIFIED, 'sigmoid'],
  [DpoLossType.DPO_LOSS_TYPE_SIGMOID, 'sigmoid'],
  [DpoLossType.DPO_LOSS_TYPE_ROBUST, 'robust'],
  [DpoLossType.DPO_LOSS_TYPE_HINGE, 'hinge'],
  [DpoLossType.DPO_LOSS_TYPE_IPO, 'ipo'],
  [DpoLossType.DPO_LOSS_TYPE_SIGMOID_NORM, 'sigmoid_norm'],
]);

const GRPO_LOSS_TYPES = new Map<number, Extract<ObjectiveSpec, { type: 'grpo' }>['lossType']>([
  [GrpoLossType.GRPO_LOSS_TYPE_UNSPECIFIED, 'grpo'],
  [GrpoLossType.GRPO_LOSS_TYPE_GRPO, 'grpo'],
  [GrpoLossType.GRPO_LOSS_TYPE_RLOO, 'rloo'],
  [GrpoLossType.GRPO_LOSS_TYPE_DR_GRPO, 'dr_grpo'],
  [GrpoLossType.GRPO_LOSS_TYPE_DAPO, 'dapo'],
  [GrpoLossType.GRPO_LOSS_TYPE_BNPO, 'bnpo'],
]);

const LEVELS = new Map<number, Extract<ObjectiveSpec, { type: 'grpo' }>['importanceSamplingLevel']>([
  [ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_UNSPECIFIED, 'sequence'],
  [ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_TOKEN, 'token'],
  [ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_SEQUENCE, 'sequence'],
]);

const ALARM_ACTIONS = new Map<AlarmAction, NonNullable<AlarmOptions['action']>>([
  [AlarmAction.ALARM_ACTION_STOP, 'stop'],
  [AlarmAction.ALARM_ACTION_WARN, 'warn'],
  [AlarmAction.ALARM_ACTION_OFF, 'off'],
]);

/** Highest rank of an adapter. */
const MOST_RANK = 4096;
/** Most groups of a step, and of a whole job, which is planned before it starts. */
const MOST_GROUPS_PER_STEP = 65_536;
const MOST_GROUPS = 2 ** 24;

function positive(value: number, field: string): number {
  checkField(Number.isFinite(value) && value > 0, field, `must be a positive number, got ${value}`);
  return value;
}

function notNegative(value: number, field: string): number {
  checkField(Number.isFinite(value) && value >= 0, field, `must not be negative, got ${value}`);
  return value;
}

function share(value: number, field: string): number {
  checkField(value >= 0 && value < 1, field, `must lie in [0, 1), got ${value}`);
  return value;
}

function flipRate(value: number, field: string): number {
  checkField(value >= 0 && value < 0.5, field, `must lie in [0, 0.5), got ${value}`);
  return value;
}

function atLeastOne(value: number | undefined, field: string): number | undefined {
  checkField(value === undefined || value >= 1, field, `must be at least 1, got ${value}`);
  return value;
}

/** Most of a number that a plan or a matrix is as large as. */
function atMost(value: number, most: number, field: string): number {
  checkField(value <= most, field, `must be at most ${most}, got ${value}`);
  return value;
}

function objectiveOf({ objective }: TrainingSpec): ObjectiveSpec {
  switch (objective?.$case) {
    case 'sft': {
      const { k = 2 } = objective.value;
      const selection = SELECTIONS.get(objective.value.selection);
      checkField(selection, 'spec.sft.selection', 'must be ALL, RANDOM, BEST, TOP_K or WEIGHTED');
      if (selection !== 'top-k') return { type: 'sft', selection };
      checkField(k >= 1, 'spec.sft.k', `must be at least 1 with TOP_K, got ${k}`);
      return { type: 'sft', selection, k };
    }
    case 'dpo': {
      const lossType = LOSS_TYPES.get(objective.value.lossType);
      checkField(lossType, 'spec.dpo.loss_type', 'must be SIGMOID, HINGE, IPO, ROBUST or SIGMOID_NORM');
      return {
        type: 'dpo',
        beta: positive(objective.value.beta, 'spec.dpo.beta'),
        lossType,
        labelSmoothing: flipRate(objective.value.labelSmoothing, 'spec.dpo.label_smoothing'),
        scoreMargin: notNegative(objective.value.scoreMargin ?? 0, 'spec.dpo.score_margin'),
      };
    }
    case 'simpo':
      return {
        type: 'simpo',
        beta: positive(objective.value.beta, 'spec.simpo.beta'),
        simpoGamma: notNegative(objective.value.simpoGamma, 'spec.simpo.simpo_gamma'),
        labelSmoothing: flipRate(objective.value.labelSmoothing, 'spec.simpo.label_smoothing'),
      };
    case 'orpo':
      return { type: 'orpo', beta: positive(objective.value.beta, 'spec.orpo.beta') };
    case 'kto':
      return {
        type: 'kto',
        beta: positive(objective.value.beta, 'spec.kto.beta'),
        desirableWeight: positive(objective.value.desirableWeight, 'spec.kto.desirable_weight'),
        undesirableWeight: positive(objective.value.undesirableWeight, 'spec.kto.undesirable_weight'),
      };
    case 'plackettLuce':
      return { type: 'plackett-luce', beta: positive(objective.value.beta, 'spec.plackett_luce.beta') };
    case 'grpo': {
      const { epsilon, maxCompletionLength } = objective.value;
      const lossType = GRPO_LOSS_TYPES.get(objective.value.lossType);
      checkField(lossType, 'spec.grpo.loss_type', 'must be GRPO, DAPO, BNPO, RLOO or DR_GRPO');
      const level = LEVELS.get(
        objective.value.importanceSamplingLevel ??
          ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_UNSPECIFIED,
      );
      checkField(level, 'spec.grpo.importance_sampling_level', 'must be TOKEN or SEQUENCE');
      checkField(
        lossType !== 'rloo' || level === 'sequence',
        'spec.grpo.importance_sampling_level',
        'must be SEQUENCE with RLOO, which has one ratio for each completion',
      );
      checkField(epsilon > 0 && epsilon < 1, 'spec.grpo.epsilon', `must lie in (0, 1), got ${epsilon}`);
      return {
        type: 'grpo',
        lossType,
        importanceSamplingLevel: level,
        epsilon,
        epsilonHigh: positive(objective.value.epsilonHigh, 'spec.grpo.epsilon_high'),
        beta: notNegative(objective.value.beta, 'spec.grpo.beta'),
        maxCompletionLength: positive(maxCompletionLength, 'spec.grpo.max_completion_length'),
      };
    }
    case 'rrhf': {
      const { rankWeight, bradleyTerryWeights } = objective.value;
      const labelSmoothing = flipRate(objective.value.labelSmoothing, 'spec.rrhf.label_smoothing');
      checkField(rankWeight >= 0, 'spec.rrhf.rank_weight', `must not be negative, got ${rankWeight}`);
      return { type: 'rrhf', rankWeight, bradleyTerryWeights, labelSmoothing };
    }
    case undefined:
      throw invalidArgument(
        'spec.objective',
        'must be set to sft, dpo, rrhf, simpo, orpo, kto, plackett_luce or grpo',
      );
  }
}

function loraOf({ lora }: TrainingSpec): LoraConfig | undefined {
  if (!lora) return undefined;
  checkField(lora.r >= 1, 'spec.lora.r', `must be at least 1, got ${lora.r}`);
  try {
    return {
      r: atMost(lora.r, MOST_RANK, 'spec.lora.r'),
      alpha: positive(lora.alpha, 'spec.lora.alpha'),
      ...(lora.useRslora === true ? { useRslora: true } : {}),
      targetModules: parseTargetModules(lora.targetModules),
    };
  } catch (error) {
    if (error instanceof ModelError) throw invalidArgument('spec.lora.target_modules', error.message);
    throw error;
  }
}

function optimizerOf(spec: OptimizerSpec): TrainingTask['options']['optimizer'] {
  const schedule = SCHEDULES.get(spec.schedule);
  checkField(schedule, 'spec.optimizer.schedule', 'must be COSINE, LINEAR, CONSTANT or WARMUP_STABLE_DECAY');
  checkField(
    spec.weightDecay >= 0,
    'spec.optimizer.weight_decay',
    `must not be negative, got ${spec.weightDecay}`,
  );
  checkField(
    spec.maxGradNorm >= 0,
    'spec.optimizer.max_grad_norm',
    `must not be negative, got ${spec.maxGradNorm}`,
  );
  checkField(
    spec.warmupRatio >= 0 && spec.warmupRatio <= 1,
    'spec.optimizer.warmup_ratio',
    `must lie in [0, 1], got ${spec.warmupRatio}`,
  );
  return {
    learningRate: positive(spec.learningRate, 'spec.optimizer.learning_rate'),
    warmupRatio: spec.warmupRatio,
    schedule,
    weightDecay: spec.weightDecay,
    maxGradNorm: spec.maxGradNorm,
    beta1: share(spec.beta1, 'spec.optimizer.beta1'),
    beta2: share(spec.beta2, 'spec.optimizer.beta2'),
  };
}

function batchingOf({ groupsPerStep, tokensPerStep, steps }: TrainingSpec): Batching {
  checkField(
    groupsPerStep > 0 !== tokensPerStep > 0,
    'spec.groups_per_step',
    'must be set, or tokens_per_step must be, but not both',
  );
  if (groupsPerStep > 0) {
    atMost(groupsPerStep, MOST_GROUPS_PER_STEP, 'spec.groups_per_step');
    atMost(groupsPerStep * steps, MOST_GROUPS, 'spec.steps times spec.groups_per_step');
    return { groupsPerStep, steps };
  }
  checkField(steps === 0, 'spec.steps', 'must be 0 with tokens_per_step: the data is passed over once');
  return { tokensPerStep };
}

/** Undefined where nothing is set: a training from random weights has no alarms then. */
function alarmsOf({ maxKl, minEntropyRatio, alarmAction }: TrainingSpec): AlarmOptions | undefined {
  if (maxKl === undefined && minEntropyRatio === undefined && alarmAction === undefined) return undefined;
  if (maxKl !== undefined) notNegative(maxKl, 'spec.max_kl');
  if (minEntropyRatio !== undefined) share(minEntropyRatio, 'spec.min_entropy_ratio');
  const action = alarmAction === undefined ? undefined : ALARM_ACTIONS.get(alarmAction);
  checkField(alarmAction === undefined || action, 'spec.alarm_action', 'must be STOP, WARN or OFF');
  return { maxKl, minEntropyRatio, action };
}

/** What a job does, all but where its data set lies. Throws INVALID_ARGUMENT with the field and the reason. */
export function parseSpecification(spec: TrainingSpec): Omit<TrainingTask['options'], 'dataset'> {
  checkField(spec.model !== '', 'spec.model', 'must name a model folder');
  checkField(
    /^[0-9a-f]{64}$/.test(requiredField(spec.dataset, 'spec.dataset').sha256),
    'spec.dataset.sha256',
    'must be a SHA-256 in lower-case hexadecimal',
  );
  for (const [name, adapter] of [
    ['initial', spec.initialAdapter],
    ['reference', spec.referenceAdapter],
  ] as const) {
    if (adapter === undefined) continue;
    const field = `spec.${name}_adapter`;
    checkField(
      /^[0-9a-f]{64}$/.test(adapter.sha256),
      `${field}.sha256`,
      'must be a SHA-256 in lower-case hexadecimal',
    );
    checkField(spec.lora, field, 'is an adapter, but all parameters are trained: set lora, or leave it out');
    checkField(
      spec.initializeSeed === undefined,
      field,
      'belongs to a model, but initialize_seed starts another one',
    );
  }
  checkField(spec.maxLength >= 2, 'spec.max_length', `must be at least 2 tokens, got ${spec.maxLength}`);
  return {
    model: spec.model,
    initializeSeed: spec.initializeSeed,
    objective: objectiveOf(spec),
    lora: loraOf(spec),
    loraDropout: spec.lora?.dropout === undefined ? undefined : share(spec.lora.dropout, 'spec.lora.dropout'),
    optimizer: optimizerOf(requiredField(spec.optimizer, 'spec.optimizer')),
    batching: batchingOf(spec),
    microBatches: atLeastOne(spec.microBatches, 'spec.micro_batches'),
    gradientCheckpointing: spec.gradientCheckpointing,
    maxLossRatio: atLeastOne(spec.maxLossRatio, 'spec.max_loss_ratio'),
    alarms: alarmsOf(spec),
    seed: spec.seed,
    maxLength: spec.maxLength,
    snapshotEverySteps: spec.snapshotEverySteps,
  };
}
