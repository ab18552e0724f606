// From every run's outcomes, question by question, to the report: means, intervals, paired differences.
import { bootstrapMean, pairedPermutationTest } from '@overtone/statistics';
import type { Report, ReportedArm, ReportedDifference, ReportedJudge, ReportedSignal } from './schema.ts';

/** What the samples of one question came to. */
export interface QuestionOutcome {
  /** The problem's id. */
  problemId: string;
  /** Its label of difficulty. */
  difficulty: string;
  /** Samples. */
  samples: number;
  /** Correct samples. */
  correct: number;
}

/** One set of weights, measured: a training run, or the base model. */
export interface MeasuredRun {
  /** Seed of the training run; null for the base model. */
  seed: number | null;
  /** Learning rate; null for the base model. */
  learningRate: number | null;
  /** Step whose weights were measured; null for the base model. */
  step: number | null;
  /** avg on the development split; null without one. */
  development: number | null;
  /** Outcomes on fresh questions; the same questions in all runs. */
  outcomes: { easy: readonly QuestionOutcome[]; hard: readonly QuestionOutcome[] };
}

/** An arm with its runs. */
export interface MeasuredArm {
  name: string;
  signal: string | null;
  objective: string | null;
  runs: readonly MeasuredRun[];
}

/** Everything that a report is made of. */
export interface ReportInput {
  name: string;
  model: Report['model'];
  saturation: Report['saturation'];
  signals: readonly ReportedSignal[];
  /** Default none. */
  judges?: readonly ReportedJudge[];
  /** The base model first. */
  arms: readonly MeasuredArm[];
  /** Samples per question. */
  samples: number;
  /** Seed of the bootstrap and of the permutation test. */
  seed: number;
  /** Arms that every other arm is compared with; those that do not exist are left out. */
  references?: readonly string[];
  timings: Readonly<Record<string, number>>;
}

const SPLITS = ['easy', 'hard'] as const;
type Split = (typeof SPLITS)[number];

/**
 * The report. A question is the unit of resampling: its value is its mean accuracy over samples and seeds.
 *
 * @throws Error when an arm has no run, or two arms were not measured on the same questions.
 */
export function buildReport(input: ReportInput): Report {
  const measured = input.arms.map((arm) => {
    if (arm.runs.length === 0) throw new Error(`arm "${arm.name}" has no run`);
    return { arm, accuracy: { easy: perQuestion(arm, 'easy'), hard: perQuestion(arm, 'hard') } };
  });
  const references = measured.filter(({ arm }) =>
    (input.references ?? ['base', 'sft/random']).includes(arm.name),
  );
  const arms = measured.map(({ arm, accuracy }): ReportedArm => {
    const summary = (split: Split) => {
      const { value, lower, upper } = bootstrapMean([...accuracy[split].values()], { seed: input.seed });
      return {
        avg: value,
        ci95: asTuple(lower, upper),
        pass: mean(arm.runs.map((run) => pass(run.outcomes[split]))),
      };
    };
    const against = references
      // The base is what the others are compared with.
      .filter((reference) => reference.arm !== arm && arm.name !== 'base')
      .map((reference) => {
        const compare = (split: Split) =>
          paired(
            accuracy[split],
            reference.accuracy[split],
            input.seed,
            `"${arm.name}" and "${reference.arm.name}"`,
          );
        return [reference.arm.name, { easy: compare('easy'), hard: compare('hard') }] as const;
      });
    return {
      name: arm.name,
      signal: arm.signal,
      objective: arm.objective,
      seeds: arm.runs.flatMap((run) => (run.seed === null ? [] : [run.seed])),
      eval: { easy: summary('easy'), hard: summary('hard') },
      perSeed: arm.runs.map(({ outcomes, ...run }) => ({
        ...run,
        eval: {
          easy: { avg: average(outcomes.easy), pass: pass(outcomes.easy) },
          hard: { avg: average(outcomes.hard), pass: pass(outcomes.hard) },
        },
      })),
      levels: SPLITS.flatMap((split) => byDifficulty(arm, split, accuracy[split])),
      against: Object.fromEntries(against),
    };
  });
  const { name, model, saturation, samples, timings } = input;
  return {
    name,
    model,
    saturation,
    signals: [...input.signals],
    judges: [...(input.judges ?? [])],
    arms,
    samples,
    timings: { ...timings },
  };
}

/** Mean accuracy of a set of outcomes: every question counts alike. */
export function average(outcomes: readonly QuestionOutcome[]): number {
  return mean(outcomes.map(({ correct, samples }) => correct / samples));
}

function pass(outcomes: readonly QuestionOutcome[]): number {
  return mean(outcomes.map(({ correct }) => (correct > 0 ? 1 : 0)));
}

/** Each question's mean accuracy over samples and seeds. */
function perQuestion(arm: MeasuredArm, split: Split): Map<string, number> {
  const values = new Map<string, number>();
  for (const run of arm.runs) {
    for (const { problemId, correct, samples } of run.outcomes[split]) {
      values.set(problemId, (values.get(problemId) ?? 0) + correct / samples / arm.runs.length);
    }
  }
  for (const [id, value] of values) values.set(id, Math.min(1, value));
  return values;
}

function paired(
  left: ReadonlyMap<string, number>,
  right: ReadonlyMap<string, number>,
  seed: number,
  arms: string,
): ReportedDifference {
  const differences = [...left].map(([id, value]) => {
    const other = right.get(id);
    if (other === undefined) throw new Error(`arms ${arms} were not measured on the same questions: ${id}`);
    return value - other;
  });
  const { value, lower, upper } = bootstrapMean(differences, { seed });
  return { value, ci95: asTuple(lower, upper), pValue: pairedPermutationTest(differences, { seed }).pValue };
}

function byDifficulty(
  arm: MeasuredArm,
  split: Split,
  accuracy: ReadonlyMap<string, number>,
): ReportedArm['levels'] {
  const levels = new Map<string, number[]>();
  for (const { problemId, difficulty } of arm.runs[0]?.outcomes[split] ?? []) {
    levels.set(difficulty, [...(levels.get(difficulty) ?? []), accuracy.get(problemId) ?? 0]);
  }
  return [...levels]
    .sort(([left], [right]) => left.localeCompare(right, 'en', { numeric: true }))
    .map(([difficulty, values]) => ({ split, difficulty, questions: values.length, avg: mean(values) }));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function asTuple(lower: number, upper: number): [number, number] {
  return [lower, upper];
}
