// The sweep's experiment file: every judge is a signal, and SFT learns from each of them twice, as it is and attenuated.

/** What varies from one sweep to another. */
export interface SweepOptions {
  /** Address of every judge, by name. */
  readonly judges: Readonly<Record<string, string>>;
  /** Another number, other questions and other samples; 0 are those that the measures were chosen on. */
  readonly draw: number;
  /** The model's folder. */
  readonly model: string;
  readonly seeds: readonly number[];
  /** Questions that are sampled for training; the saturated ones are learned from. */
  readonly train: number;
  /** Hard questions that arms are measured on, 8 samples each. */
  readonly hard: number;
  /** Saturated questions whose verdicts the stronger judge checks. */
  readonly audited: number;
  /** Also train DPO on every signal. */
  readonly dpo: boolean;
}

/** Signals that no judge gives. */
const JUDGELESS = { random: { method: 'random', seed: 1 }, entropy: { method: 'inverse-entropy' } };

/** The file's content: JSON, which is YAML too. Levels, rates and steps are those of the recipe `miniature.yaml`. */
export function sweepExperiment(options: SweepOptions): string {
  const { judges, model, seeds, train, hard, audited, dpo } = options;
  const drawn = (seed: number): number => seed + 10_000 * options.draw;
  const signals = {
    ...JUDGELESS,
    self: { method: 'bradley-terry', judge: 'self' },
    ...Object.fromEntries(Object.keys(judges).map((judge) => [judge, { method: 'bradley-terry', judge }])),
  };
  const questions = { terms: [8, 8], max: [50, 55, 55, 55], nonNegative: true };
  const training = { lora: { r: 16, alpha: 32 }, groupsPerStep: 16, maxLength: 256 };
  const optimizer = { warmupRatio: 0.1, schedule: 'cosine', maxGradNorm: 1 };
  const objectives = {
    sft: {
      type: 'sft',
      choose: 'best',
      ...training,
      steps: 100,
      optimizer: { ...optimizer, learningRate: 4e-4 },
    },
    ...(dpo && {
      dpo: { type: 'dpo', beta: 5, ...training, steps: 80, optimizer: { ...optimizer, learningRate: 3e-4 } },
    }),
  };
  const file = {
    name: 'predicts',
    model,
    task: {
      kind: 'chain-sum',
      prompt: '{question}',
      train: { seed: drawn(101), count: train, terms: [2, 3], max: [9, 20], nonNegative: true },
      easy: { seed: drawn(912), count: 16, terms: [2, 3], max: [9, 20], nonNegative: true },
      // Drawn for the sweep: neither the recipe's development questions nor those that it reports on.
      hard: { seed: drawn(911), count: hard, ...questions },
    },
    sampling: { samples: 8, temperature: 1, topP: 1, maxNewTokens: 160, seed: drawn(1) },
    judges: {
      self: { backend: 'generator', template: 'miniature' },
      auditor: { backend: 'rubric' },
      ...Object.fromEntries(
        Object.entries(judges).map(([name, address]) => [name, { backend: 'address', address }]),
      ),
    },
    audit: { judge: 'auditor', groups: audited },
    signals,
    objectives,
    arms: Object.keys(objectives).flatMap((objective) =>
      Object.keys(signals).flatMap((signal) => [
        { name: `${objective}/${signal}`, signal, objective },
        { name: `${objective}/${signal}/attenuated`, signal, objective, attenuate: 'auto' },
      ]),
    ),
    seeds,
    evaluation: {
      samples: 8,
      temperature: 0.6,
      topP: 0.95,
      maxNewTokens: 160,
      seed: drawn(2),
      bootstrapSeed: 3,
    },
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
