// One world's experiment file: every objective with its defaults on three signals, from the model's own to a perfect one.

/** What varies from one world to another. */
export interface WorldOptions {
  /** The model's folder. */
  readonly model: string;
  readonly seeds: readonly number[];
  /** Questions that are sampled for training; the saturated ones are learned from. */
  readonly train: number;
  /** Hard questions that arms are measured on, 8 samples each. */
  readonly hard: number;
  /** Only these objectives. Default: all. */
  readonly objectives?: readonly string[] | undefined;
  /** Only these signals. Default: all. */
  readonly signals?: readonly string[] | undefined;
  /** The alarms' limit in nats a token; 0 switches them off. Default: theirs. */
  readonly maxKl?: number | undefined;
}

const SIGNALS = {
  entropy: { method: 'inverse-entropy' },
  'self-judge': { method: 'bradley-terry', judge: 'self' },
  perfect: { method: 'bradley-terry', judge: 'rubric' },
};

const lora = { r: 16, alpha: 32 };
const optimizer = { warmupRatio: 0.1, schedule: 'cosine', maxGradNorm: 1 };
/** One or two sequences a question. */
const few = { lora, groupsPerStep: 16, maxLength: 256, steps: 80 };
/** All eight. */
const all = { ...few, groupsPerStep: 4, steps: 120 };
const SFT_RATE = { optimizer: { ...optimizer, learningRate: 4e-4 } };
const RATE = { optimizer: { ...optimizer, learningRate: 3e-4 } };

/** What an objective is told besides its type: the recipe's rates and steps, and nothing that it has a default for. */
const OBJECTIVES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  sft: { type: 'sft', ...few, ...SFT_RATE, steps: 100 },
  dpo: { type: 'dpo', ...few, ...RATE },
  'dpo-hinge': { type: 'dpo', lossType: 'hinge', ...few, ...RATE },
  'dpo-ipo': { type: 'dpo', lossType: 'ipo', ...few, ...RATE },
  'dpo-robust': { type: 'dpo', lossType: 'robust', labelSmoothing: 0.1, ...few, ...RATE },
  'dpo-sigmoid-norm': { type: 'dpo', lossType: 'sigmoid_norm', ...few, ...RATE },
  simpo: { type: 'simpo', ...few, ...RATE },
  orpo: { type: 'orpo', ...few, ...RATE },
  kto: { type: 'kto', ...all, ...RATE },
  'plackett-luce': { type: 'plackett-luce', ...all, ...RATE },
  grpo: { type: 'grpo', ...all, ...RATE },
  rrhf: { type: 'rrhf', ...all, ...SFT_RATE },
  'rrhf-bt': { type: 'rrhf', bradleyTerryWeights: true, ...all, ...SFT_RATE },
};

/** The file's content: JSON, which is YAML too. Levels and decoding are those of the recipe `miniature.yaml`. */
export function worldExperiment({ model, seeds, train, hard, maxKl, ...only }: WorldOptions): string {
  const named = (among: object, names: readonly string[] | undefined): string[] => {
    const unknown = names?.find((name) => !(name in among));
    if (unknown !== undefined)
      throw new Error(`"${unknown}" is none of ${Object.keys(among).join(', ')}; leave it out`);
    return Object.keys(among).filter((name) => names?.includes(name) ?? true);
  };
  const objectives = named(OBJECTIVES, only.objectives);
  const signals = named(SIGNALS, only.signals);
  const alarms = maxKl === undefined ? {} : { alarms: { maxKl, ...(maxKl === 0 && { action: 'off' }) } };
  const file = {
    name: 'worlds',
    model,
    task: {
      kind: 'chain-sum',
      prompt: '{question}',
      train: { seed: 101, count: train, terms: [2, 3], max: [9, 20], nonNegative: true },
      easy: { seed: 914, count: 16, terms: [2, 3], max: [9, 20], nonNegative: true },
      hard: { seed: 913, count: hard, terms: [8, 8], max: [50, 55, 55, 55], nonNegative: true },
    },
    sampling: { samples: 8, temperature: 1, topP: 1, maxNewTokens: 160, seed: 1 },
    judges: { self: { backend: 'generator', template: 'miniature' }, rubric: { backend: 'rubric' } },
    signals: Object.fromEntries(Object.entries(SIGNALS).filter(([name]) => signals.includes(name))),
    objectives: Object.fromEntries(objectives.map((name) => [name, { ...OBJECTIVES[name], ...alarms }])),
    arms: objectives.flatMap((objective) =>
      signals.map((signal) => ({ name: `${objective}/${signal}`, signal, objective })),
    ),
    seeds,
    evaluation: { samples: 8, temperature: 0.6, topP: 0.95, maxNewTokens: 160, seed: 2, bootstrapSeed: 3 },
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
