// Systems measured on the same questions: metrics with their intervals, over all questions, by difficulty and by style, and how
// they differ. A question is the unit of resampling, since its samples, and the runs that answered it, are alike.
import { clusterBootstrapAll, type Interval, standardDeviation } from '@overtone/statistics';
import { adjust, difference } from './difference.ts';
import type { QuestionOutcome } from './question-outcome.ts';
import { curveOf, fewestSamples, meanOf, poolRuns, type QuestionRow } from './question-row.ts';
import type { Accuracy, MeasuredLevel, ReportedDifference, StyleUse } from './measurement-schema.ts';

/** One system: a model, or all runs of an arm. */
export interface MeasuredSystem {
  readonly name: string;
  /** Outcomes of each run, on the same questions in the same order. */
  readonly runs: readonly (readonly QuestionOutcome[])[];
}

/** How to measure. */
export interface MeasureOptions {
  /** Seed of the bootstrap and of the permutation test. */
  readonly seed: number;
  /** Systems to be compared with; those that do not exist are left out. */
  readonly references: readonly string[];
  /** Systems that are compared. Default all. */
  readonly compared?: readonly string[];
  /** What Holm's correction is over: the systems compared with one reference, or all comparisons together. Default each reference. */
  readonly family?: 'each-reference' | 'together';
  /** The ks of pass@k and maj@k. Default powers of two and the number of samples. */
  readonly ks?: readonly number[];
}

/** What was measured of one system. */
export interface Measurements {
  readonly accuracy: Accuracy;
  /** By difficulty, easiest label first. */
  readonly levels: readonly MeasuredLevel[];
  /** By style, the most frequent over all systems first; empty where the task has no styles. */
  readonly styles: readonly StyleUse[];
  /** Paired differences in avg@k, by the name of the reference. */
  readonly against: Readonly<Record<string, ReportedDifference>>;
}

/**
 * Measures systems. A question's value is its mean over samples and runs.
 *
 * @throws Error when a system has no run, or two that are compared were not measured on the same questions.
 */
export function measureSystems(
  systems: readonly MeasuredSystem[],
  { seed, references, compared, family = 'each-reference', ks }: MeasureOptions,
): Measurements[] {
  const pooled = systems.map(({ name, runs }) => {
    if (runs.length === 0) throw new Error(`arm "${name}" has no run`);
    return { name, runs, rows: poolRuns(runs, ks ?? curveOf(fewestSamples(runs))) };
  });
  const styles = stylesOf(pooled.flatMap(({ rows }) => rows));
  const others = pooled.filter(({ name }) => references.includes(name));
  const measured = pooled.map(({ name, runs, rows }) => {
    const isCompared = compared === undefined || compared.includes(name);
    const levels = Map.groupBy(rows, ({ difficulty }) => difficulty);
    const against = (choose: (row: QuestionRow) => number | undefined, how: 'whole' | 'part') =>
      Object.fromEntries(
        others
          .filter((other) => isCompared && other.name !== name)
          .map((other) => [
            other.name,
            difference(pair(rows, other.rows, choose, `"${name}" and "${other.name}"`), seed, how),
          ]),
      );
    return {
      accuracy: { ...accuracyOf(rows, seed), seedDeviation: deviationOf(runs) },
      levels: [...levels]
        .sort(([left], [right]) => left.localeCompare(right, 'en', { numeric: true }))
        .map(([difficulty, members]): MeasuredLevel => ({
          difficulty,
          questions: members.length,
          ...accuracyOf(members, seed),
          against: against(
            (row) => (row.difficulty === difficulty ? row.avg : undefined),
            levels.size === 1 ? 'whole' : 'part',
          ),
        })),
      styles: usesOf(rows, styles, seed, (style) => against((row) => shareOf(row, style), 'part')),
      against: against((row) => row.avg, 'whole'),
    };
  });
  const families = family === 'together' ? [references] : references.map((reference) => [reference]);
  for (const names of families) {
    const from = (of: (one: Measurements) => readonly { readonly against: Measurements['against'] }[]) =>
      measured.flatMap((one) =>
        of(one).flatMap(({ against }) =>
          Object.entries(against).flatMap(([name, each]) => (names.includes(name) ? [each] : [])),
        ),
      );
    adjust(from((one) => [one]));
    adjust(from((one) => one.levels));
    adjust(from((one) => one.styles));
  }
  return measured;
}

/** Mean accuracy of a set of outcomes: every question counts alike. */
export function average(outcomes: readonly QuestionOutcome[]): number {
  return meanOf(outcomes, ({ correct, samples }) => correct / samples) ?? NaN;
}

function accuracyOf(rows: readonly QuestionRow[], seed: number): Omit<Accuracy, 'seedDeviation'> {
  const last = (row: QuestionRow) => row.at.at(-1);
  const clusters = rows.map((row) => [
    row.avg,
    1,
    last(row)?.pass ?? 0,
    last(row)?.maj ?? NaN,
    row.tokens ?? NaN,
    row.truncated ?? NaN,
    row.unanswered ?? NaN,
    row.samples,
  ]);
  const ratio = (top: number, bottom: number) => (sum: Float64Array) => {
    const value = (sum[top] ?? NaN) / (sum[bottom] ?? NaN);
    return Number.isNaN(value) ? undefined : value;
  };
  const [avg, pass, maj, tokens, truncated, unanswered] = clusterBootstrapAll(
    clusters,
    [ratio(0, 1), ratio(2, 1), ratio(3, 1), ratio(4, 7), ratio(5, 7), ratio(6, 7)],
    { seed },
  );
  if (avg === undefined || pass === undefined) throw new Error('there is no question to measure');
  return {
    avg: avg.value,
    ci95: [avg.lower, avg.upper],
    pass: pass.value,
    passCi95: [pass.lower, pass.upper],
    maj: maj?.value ?? null,
    majCi95: maj === undefined ? null : [maj.lower, maj.upper],
    atK: (rows[0]?.at ?? []).map(({ k }, index) => ({
      k,
      pass: Math.min(1, meanOf(rows, (row) => row.at[index]?.pass) ?? 0),
      maj: meanOf(rows, (row) => row.at[index]?.maj) ?? null,
    })),
    meanTokens: estimate(tokens),
    truncated: estimate(truncated),
    unanswered: estimate(unanswered),
  };
}

function estimate(interval: Interval | undefined): Accuracy['meanTokens'] {
  return interval === undefined ? null : { value: interval.value, ci95: [interval.lower, interval.upper] };
}

function deviationOf(runs: readonly (readonly QuestionOutcome[])[]): number | null {
  return runs.length < 2 ? null : standardDeviation(runs.map((run) => average(run)));
}

/** Differences of two systems, question by question, where the chosen value is defined. */
function pair(
  left: readonly QuestionRow[],
  right: readonly QuestionRow[],
  choose: (row: QuestionRow) => number | undefined,
  names: string,
): [number, number][] {
  const others = new Map(right.map((row) => [row.problemId, row]));
  return left.flatMap((row): [number, number][] => {
    const other = others.get(row.problemId);
    if (other === undefined)
      throw new Error(`arms ${names} were not measured on the same questions: ${row.problemId}`);
    const value = choose(row);
    const reference = choose(other);
    return value === undefined || reference === undefined ? [] : [[value, reference]];
  });
}

function stylesOf(rows: readonly QuestionRow[]): string[] {
  if (rows.some(({ styles }) => styles === undefined)) return [];
  const total = new Map<string, number>();
  for (const { styles } of rows)
    for (const [style, { samples }] of Object.entries(styles ?? {}))
      total.set(style, (total.get(style) ?? 0) + samples);
  return [...total].sort(([a, more], [b, less]) => less - more || a.localeCompare(b)).map(([style]) => style);
}

/** A style's share of a question's samples. */
function shareOf({ styles, samples }: QuestionRow, style: string): number {
  return (styles?.[style]?.samples ?? 0) / samples;
}

function usesOf(
  rows: readonly QuestionRow[],
  styles: readonly string[],
  seed: number,
  against: (style: string) => Measurements['against'],
): StyleUse[] {
  const width = 4;
  const clusters = rows.map((row) => [
    ...styles.flatMap((style) => {
      const { samples = 0, correct = 0, tokens = 0 } = row.styles?.[style] ?? {};
      return [shareOf(row, style), samples, correct, tokens];
    }),
    1,
  ]);
  const all = styles.length * width;
  const intervals = clusterBootstrapAll(
    clusters,
    styles.flatMap((_, index) => {
      const at = index * width;
      const ratio = (top: number, bottom: number) => (sum: Float64Array) =>
        (sum[bottom] ?? 0) > 0 ? (sum[top] ?? 0) / (sum[bottom] ?? 1) : undefined;
      return [ratio(at, all), ratio(at + 2, at + 1), ratio(at + 3, at + 1)];
    }),
    { seed },
  );
  return styles.map((style, index) => ({
    style,
    share: estimate(intervals[index * 3]) ?? { value: 0, ci95: [0, 0] },
    avg: estimate(intervals[index * 3 + 1]),
    meanTokens: estimate(intervals[index * 3 + 2]),
    against: against(style),
  }));
}
