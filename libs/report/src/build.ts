// From every run's outcomes, question by question, to the report: means, intervals, paired differences.
import { mean } from '@overtone/statistics';
import { METHOD } from './difference.ts';
import { average, type Measurements, measureSystems } from './measure.ts';
import type { QuestionOutcome } from './question-outcome.ts';
import type { Report, ReportedArm, ReportedJudge, ReportedSignal } from './schema.ts';

/** A round of a training run, measured. */
export interface MeasuredRound {
  /** From 1. */
  round: number;
  /** Saturated training questions, sampled with the weights of the round before. */
  saturated: number;
  /** Of those of the round before, how many are not saturated any more; 0 in the first round. */
  noLonger: number;
  /** Saturated ones that were not in the round before; 0 in the first round. */
  newly: number;
  /** Mean accuracy of these samples. */
  accuracy: number;
  /** As in `MeasuredRun`; learning rate and step are null where nothing was trained. */
  learningRate: number | null;
  step: number | null;
  development: number | null;
  alarm?: string | undefined;
  outcomes: MeasuredRun['outcomes'];
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
  /** The alarm that ended the training, in words. Default: none did. */
  alarm?: string | undefined;
  /** Outcomes on fresh questions; the same questions in all runs. */
  outcomes: { easy: readonly QuestionOutcome[]; hard: readonly QuestionOutcome[] };
  /** All rounds, the last one's weights being the run's own. Default: one round, of which nothing more is said. */
  rounds?: readonly MeasuredRound[] | undefined;
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

type Split = 'easy' | 'hard';

/**
 * The report. A question is the unit of resampling: its value is its mean accuracy over samples and seeds.
 *
 * @throws Error when an arm has no run, or two arms were not measured on the same questions.
 */
export function buildReport(input: ReportInput): Report {
  const { name, model, saturation, samples, timings, seed } = input;
  const references = input.references ?? ['base', 'sft/random'];
  const measured = measureSplits(input.arms, { seed, references });
  const measuredRounds = measureRounds(input);
  const arms = input.arms.map((arm, index): ReportedArm => {
    const { easy, hard } = measured[index] ?? missing(arm.name);
    return {
      name: arm.name,
      signal: arm.signal,
      objective: arm.objective,
      seeds: arm.runs.flatMap((run) => (run.seed === null ? [] : [run.seed])),
      eval: { easy: easy.accuracy, hard: hard.accuracy },
      perSeed: arm.runs.map(({ outcomes, rounds, ...run }) => ({
        ...run,
        eval: evalOf(outcomes),
        ...(rounds && {
          rounds: rounds.map(({ outcomes, ...round }) => ({ ...round, eval: evalOf(outcomes) })),
        }),
      })),
      ...roundsOf(arm, measuredRounds),
      levels: [
        ...easy.levels.map((level) => ({ split: 'easy' as const, ...level })),
        ...hard.levels.map((level) => ({ split: 'hard' as const, ...level })),
      ],
      against: bothSplits(easy.against, hard.against),
      styles: [
        ...easy.styles.map((style) => ({ split: 'easy' as const, ...style })),
        ...hard.styles.map((style) => ({ split: 'hard' as const, ...style })),
      ],
    };
  });
  const { resamples, level, permutations, partPermutations, alpha, power } = METHOD;
  return {
    name,
    model,
    saturation,
    signals: [...input.signals],
    judges: [...(input.judges ?? [])],
    arms,
    statistics: {
      seed,
      resamples,
      level,
      permutations,
      partPermutations,
      correction: 'holm',
      alpha,
      power,
      references: references.filter((reference) => input.arms.some((arm) => arm.name === reference)),
    },
    samples,
    timings: { ...timings },
  };
}

/** What a system came to on both splits. */
interface Measured {
  readonly easy: Measurements;
  readonly hard: Measurements;
}

type Outcomes = readonly Pick<MeasuredRun, 'outcomes'>[];

/** Both splits of several arms; the base is what the others are compared with. */
function measureSplits(
  arms: readonly { readonly name: string; readonly runs: Outcomes }[],
  options: { readonly seed: number; readonly references: readonly string[] },
): Measured[] {
  const compared = arms.map(({ name }) => name).filter((name) => name !== 'base');
  const measure = (split: Split) =>
    measureSystems(
      arms.map(({ name, runs }) => ({ name, runs: runs.map(({ outcomes }) => outcomes[split]) })),
      { ...options, compared },
    );
  const hard = measure('hard');
  return measure('easy').map((easy, index) => ({ easy, hard: hard[index] ?? missing(arms[index]?.name) }));
}

function bothSplits(easy: Measurements['against'], hard: Measurements['against']): ReportedArm['against'] {
  return Object.fromEntries(
    Object.entries(easy).flatMap(([name, difference]) => {
      const other = hard[name];
      return other === undefined ? [] : [[name, { easy: difference, hard: other }]];
    }),
  );
}

function missing(arm = ''): never {
  throw new Error(`arm "${arm}" was not measured`);
}

function evalOf({ easy, hard }: MeasuredRun['outcomes']) {
  return {
    easy: { avg: average(easy), pass: pass(easy) },
    hard: { avg: average(hard), pass: pass(hard) },
  };
}

/** Each round, from the first: what the arms that have it came to after it, by name. */
function measureRounds({ arms, seed }: ReportInput): Map<string, Measured>[] {
  const base = arms.filter((arm) => arm.name === 'base');
  const rounds: Map<string, Measured>[] = [];
  for (;;) {
    const systems = arms.flatMap((arm) => {
      const runs = roundOf(arm, rounds.length);
      return runs.length === 0 ? [] : [{ name: arm.name, runs }];
    });
    if (systems.length === 0) return rounds;
    const measured = measureSplits([...base, ...systems], { seed, references: ['base'] });
    rounds.push(
      new Map(systems.map(({ name }, index) => [name, measured[base.length + index] ?? missing(name)])),
    );
  }
}

/** A round of all seeds; none where the arm has no such round. */
function roundOf({ runs }: MeasuredArm, index: number): MeasuredRound[] {
  return runs.flatMap(({ rounds = [] }) => rounds.slice(index, index + 1));
}

/** The rounds of an arm over its seeds; nothing for an arm of one round. */
function roundsOf(
  arm: MeasuredArm,
  measured: readonly ReadonlyMap<string, Measured>[],
): Pick<ReportedArm, 'rounds'> {
  const [first] = arm.runs;
  if (first?.rounds === undefined) return {};
  return {
    rounds: first.rounds.map(({ round }, index) => {
      const all = roundOf(arm, index);
      const { easy, hard } = measured[index]?.get(arm.name) ?? missing(arm.name);
      return {
        round,
        saturated: mean(all.map(({ saturated }) => saturated)),
        noLonger: mean(all.map(({ noLonger }) => noLonger)),
        newly: mean(all.map(({ newly }) => newly)),
        accuracy: mean(all.map(({ accuracy }) => accuracy)),
        trained: all.filter(({ step }) => step !== null).length,
        eval: { easy: easy.accuracy, hard: hard.accuracy },
        against: bothSplits(easy.against, hard.against),
      };
    }),
  };
}

function pass(outcomes: readonly QuestionOutcome[]): number {
  return mean(outcomes.map(({ correct }) => (correct > 0 ? 1 : 0)));
}
