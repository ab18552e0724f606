// What a run would take beyond memory: calls and tokens that are left, money where judges have prices, time as runs before it took it.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findRuns, type KnownWork, pastRates, readRun, type RunRecord } from '@overtone/experiment/history';
import type { Experiment, Splits, Work } from '@overtone/experiment/prepare';
import { modelDigest } from '@overtone/language-model';

/** What is left to do, at most. */
export interface Left {
  readonly samples: number;
  readonly comparisons: Readonly<Record<string, number>>;
  readonly jobs: number;
  readonly steps: number;
  readonly evaluated: number;
  /** Most tokens that are sampled for training and in evaluations. */
  readonly tokens: number;
  /** By judge: most tokens that are read and written, and what they cost where the judge has prices. */
  readonly judges: Readonly<Record<string, JudgeLeft>>;
}

/** What a judge may be asked for. */
export interface JudgeLeft {
  readonly calls: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** In the currency of the prices; null without prices. */
  readonly cost: number | null;
  /** Most that may be spent, in the same currency; null without prices. */
  readonly budget: number | null;
}

/** How long a run would take. */
export interface TimeEstimate {
  readonly seconds: number;
  /** The run that told how long things take. */
  readonly run: string;
}

/** Tokens of a judging prompt around question and solutions: those of the shipped templates are fewer. */
const TEMPLATE_TOKENS = 500;
/** Tokens of a verdict after the analysis. */
const VERDICT_TOKENS = 32;
/** English text and arithmetic have more characters a token. */
const CHARACTERS_PER_TOKEN = 2;
/** Runs that are looked at for how long things take, the latest first. */
const CANDIDATES = 12;

/** What is left of the work once what is known is taken off. */
export function leftOf(
  { judges, sampling, evaluation }: Experiment,
  work: Work,
  known: KnownWork | undefined,
  questionCharacters: number,
): Left {
  const rest = (all: number, done = 0): number => Math.max(0, all - done);
  const isDone = known?.done === true;
  const samples = rest(work.samples, known?.samples);
  const evaluated = isDone ? 0 : rest(work.evaluated, known?.evaluated);
  const comparisons = Object.fromEntries(
    Object.entries(work.comparisons).map(([name, calls]) => [name, isDone ? 0 : calls]),
  );
  return {
    samples: isDone ? 0 : samples,
    comparisons,
    jobs: isDone ? 0 : rest(work.jobs, known?.jobs),
    steps: isDone ? 0 : rest(work.steps, known?.steps),
    evaluated,
    tokens: (isDone ? 0 : samples) * sampling.maxNewTokens + evaluated * evaluation.maxNewTokens,
    judges: Object.fromEntries(
      Object.entries(judges).flatMap(([name, judge]) => {
        if (judge.backend === 'rubric' || judge.backend === 'address') return [];
        const calls = comparisons[name] ?? 0;
        const solution = known?.meanTokens ?? sampling.maxNewTokens;
        const asked = TEMPLATE_TOKENS + questionCharacters / CHARACTERS_PER_TOKEN + 2 * solution;
        const answered =
          (judge.backend === 'openai' ? judge.maxTokens : undefined) ??
          (judge.analysisTokens ?? 0) + VERDICT_TOKENS;
        const promptTokens = Math.round(calls * asked);
        const completionTokens = calls * answered;
        const prices = judge.budget?.currency;
        const cost =
          prices === undefined
            ? null
            : (promptTokens * prices.promptPerMillion + completionTokens * prices.completionPerMillion) / 1e6;
        return [[name, { calls, promptTokens, completionTokens, cost, budget: prices?.amount ?? null }]];
      }),
    ),
  };
}

/** Characters of the longest training question. */
export function longestOf({ train }: Splits): number {
  return train.reduce((longest, { question }) => Math.max(longest, question.length), 0);
}

/** SHA-256 of the model as the generator will call it; undefined where only the generator can tell. */
export async function digestOf(experiment: Experiment, signal?: AbortSignal): Promise<string | undefined> {
  const { engine, generator, services, model } = experiment;
  const isPlain = (engine?.device ?? 'cpu') === 'cpu' && (engine?.precision ?? 'float32') === 'float32';
  if (services.generator !== undefined || generator.backend !== 'engine' || !isPlain) return undefined;
  return modelDigest(model, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** How long what is left would take, as the latest run of the same model took it; null where there is none. */
export async function timeOf(
  left: Left,
  { model: path }: Experiment,
  {
    out,
    model,
    signal,
  }: { out?: string | undefined; model: string | undefined; signal?: AbortSignal | undefined },
): Promise<TimeEstimate | null> {
  const folders = [...new Set([resolve('runs'), ...(out === undefined ? [] : [resolve(dirname(out))])])];
  const paths = (
    await Promise.all(folders.filter((folder) => existsSync(folder)).map((folder) => findRuns(folder)))
  ).flat();
  const records: RunRecord[] = [];
  for (const each of new Set(paths)) {
    signal?.throwIfAborted();
    const record = await readRun(each).catch(() => undefined);
    const sha256 = record?.report?.model.sha256;
    if (record === undefined || sha256 === undefined) continue;
    if (model === undefined ? record.report?.model.name === path : sha256 === model) records.push(record);
  }
  records.sort((a, b) => b.manifest.updated.localeCompare(a.manifest.updated));
  for (const record of records.slice(0, CANDIDATES)) {
    const rates = await pastRates(record);
    if (rates === undefined) continue;
    const { sample, comparison, step, solution, overlap, run } = rates;
    const comparisons = Object.values(left.comparisons).reduce((sum, calls) => sum + calls, 0);
    const parts: [number, number | null][] = [
      [left.samples, sample],
      [comparisons, comparison],
      [left.steps, step],
      [left.evaluated, solution],
    ];
    // A run that never did what this one would do does not tell how long that takes.
    if (parts.some(([units, rate]) => units > 0 && rate === null)) continue;
    const seconds = parts.reduce((sum, [units, rate]) => sum + units * (rate ?? 0), 0) * overlap;
    return { seconds, run };
  }
  return null;
}
