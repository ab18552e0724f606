// Runs side by side: every arm of every run with its interval, and how runs differ on the questions that both measured.
import { adjust, difference } from './difference.ts';
import type { ReportedDifference } from './measurement-schema.ts';
import type { QuestionOutcome } from './question-outcome.ts';
import type { Report } from './schema.ts';

/** The splits that are compared. */
export const COMPARED_SPLITS = ['hard', 'easy'] as const;
export type ComparedSplit = (typeof COMPARED_SPLITS)[number];

/** What an arm came to on a split: outcomes of each seed, and what every question asked. */
export interface ArmOutcomes {
  readonly arm: string;
  readonly split: ComparedSplit;
  /** One list of outcomes for each seed. */
  readonly runs: readonly (readonly QuestionOutcome[])[];
}

/** A run to compare. */
export interface RunToCompare {
  /** What it is called in tables, for example the folder's name. */
  readonly name: string;
  readonly report: Report;
  /** Absent where the samples cannot be read any more; then nothing is paired. */
  readonly outcomes: readonly ArmOutcomes[] | undefined;
  /** What each question asks, by its id; absent where that cannot be told any more: then the id alone decides. */
  readonly questions: ReadonlyMap<string, string> | undefined;
  /** Settings by their path, for example "sampling.temperature", as text. */
  readonly settings: ReadonlyMap<string, string>;
}

/** An arm of a run. */
export interface ComparedCell {
  /** avg@k with its 95 % interval, over all of the run's questions. */
  readonly avg: number;
  readonly ci95: readonly [number, number];
  readonly seeds: number;
  /** Against the same arm of the first run, on the questions that both measured; null for the first run, and where there are none. */
  readonly difference: ReportedDifference | null;
}

/** An arm of all runs. */
export interface ComparedArm {
  readonly name: string;
  /** For each run; null where it has no such arm. */
  readonly cells: readonly (Readonly<Record<ComparedSplit, ComparedCell>> | null)[];
}

/** On how many questions a run can be held against the first one. */
export interface Pairing {
  readonly run: string;
  readonly split: ComparedSplit;
  /** Questions that both measured. */
  readonly questions: number;
  /** Questions of the first run, and of this one. */
  readonly of: readonly [number, number];
  /** Why there is no difference to be had, or what to mind about it; null where there is nothing to say. */
  readonly note: string | null;
}

/** Runs side by side. */
export interface Comparison {
  readonly runs: readonly {
    readonly name: string;
    readonly experiment: string;
    readonly model: Report['model'];
    readonly saturation: Report['saturation'];
    /** Samples a question in the evaluation: the k of avg@k. */
    readonly samples: number;
  }[];
  readonly arms: readonly ComparedArm[];
  readonly pairings: readonly Pairing[];
  /** Settings that are not the same in all runs; null where a run has none. */
  readonly settings: readonly { readonly key: string; readonly values: readonly (string | null)[] }[];
  /** Seed of the bootstrap and of the permutation tests. */
  readonly seed: number;
}

/** Fewest questions that two runs must share to be held against each other: an interval of fewer says nothing. */
const FEWEST = 5;

/** Settings that change what is measured, rather than what is trained. */
const MEASURING = ['evaluation.', 'task.prompt', 'task.examples', 'task.verifier'];

/**
 * Compares runs with the first of them. Differences are paired: a question's value is its mean over samples and seeds, and a question
 * counts where both runs measured it. p-values are adjusted (Holm) over all arms of all runs, split by split.
 */
export function compareRuns(runs: readonly RunToCompare[], { seed }: { readonly seed: number }): Comparison {
  const [first] = runs;
  if (first === undefined) throw new Error('there is no run to compare');
  const names = [...new Set(runs.flatMap(({ report }) => report.arms.map(({ name }) => name)))];
  const settings = settingsOf(runs);
  const differences = new Map<string, ReportedDifference>();
  const pairings: Pairing[] = [];
  for (const split of COMPARED_SPLITS) {
    const family: ReportedDifference[] = [];
    for (const [index, run] of runs.entries()) {
      if (index === 0) continue;
      const shared = sharedQuestions(first, run, split);
      pairings.push({ run: run.name, split, ...shared, note: noteOn(shared, settings, index) });
      if (shared.questions < FEWEST) continue;
      for (const arm of names) {
        const pairs = pairsOf(first, run, arm, split, shared.ids);
        if (pairs.length === 0) continue;
        const found = difference(pairs, seed, 'whole');
        differences.set(`${index} ${split} ${arm}`, found);
        family.push(found);
      }
    }
    adjust(family);
  }
  return {
    runs: runs.map(({ name, report }) => ({
      name,
      experiment: report.name,
      model: report.model,
      saturation: report.saturation,
      samples: report.samples,
    })),
    arms: names.map((name) => ({
      name,
      cells: runs.map(({ report }, index) => {
        const arm = report.arms.find((own) => own.name === name);
        if (arm === undefined) return null;
        const cell = (split: ComparedSplit): ComparedCell => ({
          avg: arm.eval[split].avg,
          ci95: arm.eval[split].ci95,
          seeds: arm.seeds.length,
          difference: differences.get(`${index} ${split} ${name}`) ?? null,
        });
        return { easy: cell('easy'), hard: cell('hard') };
      }),
    })),
    pairings: pairings.map(({ run, split, questions, of, note }) => ({ run, split, questions, of, note })),
    settings,
    seed,
  };
}

interface Shared {
  readonly ids: ReadonlySet<string>;
  readonly questions: number;
  readonly of: readonly [number, number];
  /** Questions of the same id that ask something else. */
  readonly other: number;
  /** Whose samples cannot be read. */
  readonly lacking: string | undefined;
  /** Whether the id alone decided. */
  readonly byId: boolean;
}

function sharedQuestions(first: RunToCompare, run: RunToCompare, split: ComparedSplit): Shared {
  const idsOf = ({ outcomes }: RunToCompare): Set<string> =>
    new Set(
      (outcomes ?? [])
        .filter((own) => own.split === split)
        .flatMap((own) => own.runs.flat().map(({ problemId }) => problemId)),
    );
  const [left, right] = [idsOf(first), idsOf(run)];
  const common = [...left].filter((id) => right.has(id));
  const known = first.questions !== undefined && run.questions !== undefined;
  const same = common.filter((id) => !known || first.questions?.get(id) === run.questions?.get(id));
  return {
    ids: new Set(same),
    questions: same.length,
    of: [left.size, right.size],
    other: common.length - same.length,
    lacking: [first, run].find(({ outcomes }) => outcomes === undefined)?.name,
    byId: !known,
  };
}

function noteOn(
  { questions, of, other, lacking, byId }: Shared,
  settings: Comparison['settings'],
  index: number,
) {
  if (lacking !== undefined)
    return `not comparable: the samples of ${lacking} are not in its artifacts any more`;
  if (questions === 0)
    return other > 0
      ? `not comparable: ${other} questions have the same id and ask something else`
      : 'not comparable: no question was measured by both; their intervals are of different questions';
  if (questions < FEWEST)
    return `not comparable: only ${questions} ${questions === 1 ? 'question was' : 'questions were'} measured by both`;
  const notes: string[] = [];
  if (questions < Math.max(...of))
    notes.push(
      `of ${of[0]} and ${of[1]} questions, ${questions} were measured by both; the others are left out`,
    );
  if (other > 0) notes.push(`${other} that have the same id ask something else, and are left out`);
  const measuring = settings.filter(
    ({ key, values }) => MEASURING.some((start) => key.startsWith(start)) && values[0] !== values[index],
  );
  if (measuring.length > 0)
    notes.push(`measured in another way: ${measuring.map(({ key }) => key).join(', ')} differ`);
  if (byId) notes.push('paired by the ids of the questions alone: what they ask cannot be read any more');
  return notes.length === 0 ? null : notes.join('; ');
}

function pairsOf(
  first: RunToCompare,
  run: RunToCompare,
  arm: string,
  split: ComparedSplit,
  ids: ReadonlySet<string>,
): [number, number][] {
  const own = meansOf(run, arm, split);
  const other = meansOf(first, arm, split);
  return [...ids].flatMap((id): [number, number][] => {
    const [value, reference] = [own.get(id), other.get(id)];
    return value === undefined || reference === undefined ? [] : [[value, reference]];
  });
}

/** A question's mean accuracy over samples and seeds. */
function meansOf({ outcomes = [] }: RunToCompare, arm: string, split: ComparedSplit): Map<string, number> {
  const found = outcomes.find((own) => own.arm === arm && own.split === split);
  const byQuestion = Map.groupBy(found?.runs.flat() ?? [], ({ problemId }) => problemId);
  return new Map(
    [...byQuestion].map(([id, own]) => [
      id,
      own.reduce((sum, { correct, samples }) => sum + correct / samples, 0) / own.length,
    ]),
  );
}

/**
 * Settings for people: where a run lacks a whole section that others have, such as an objective, one line stands for it, with the number
 * of its settings.
 */
export function summarisedSettings({ runs, settings }: Comparison): Comparison['settings'] {
  const all = runs.map((_, index) => settings.filter(({ values }) => values[index] !== null));
  const sectionOf = (key: string): string | undefined => {
    const parts = key.split('.');
    for (let length = 1; length < parts.length; length++) {
      const start = `${parts.slice(0, length).join('.')}.`;
      const of = all.map((own) => own.filter((setting) => setting.key.startsWith(start)).length);
      // A section of which a run has nothing, and of which nothing is the same in all.
      if (length > 1 && of.includes(0)) return start;
    }
    return undefined;
  };
  const sections = Map.groupBy(settings, ({ key }) => sectionOf(key) ?? key);
  return [...sections].flatMap(([key, own]) => {
    if (own.length === 1 || !key.endsWith('.')) return own;
    const values = runs.map((_, index) => {
      const count = own.filter(({ values: each }) => each[index] !== null).length;
      return count === 0 ? null : `${count} settings`;
    });
    return [{ key: `${key}*`, values }];
  });
}

function settingsOf(runs: readonly RunToCompare[]): Comparison['settings'] {
  const keys = new Set(runs.flatMap(({ settings }) => [...settings.keys()]));
  return [...keys]
    .map((key) => ({ key, values: runs.map(({ settings }) => settings.get(key) ?? null) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}
