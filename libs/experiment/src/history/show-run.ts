// A run from the inside: its stages, their artifacts, the rows of an artifact, and all that is known of a question.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef } from '@overtone/artifacts';
import { z } from 'zod';
import { unknownName } from '../config/strict.ts';
import { InputError } from '../input-error.ts';
import { loadSplits, type Splits } from '../problems.ts';
import { parseGroup } from '../solutions.ts';
import { STAGES } from '../stages.ts';
import { type RunRecord, taskOfRun } from './run-record.ts';
import { storeFolderOf, storeOf } from './run-store.ts';

/** A result of a stage. */
export interface ShownArtifact extends ArtifactRef {
  readonly stage: string;
  /** For example "chunk 3" or "dpo/self-judge seed 2". */
  readonly label: string;
  readonly key: string;
  /** Bytes of the object; null where it is not here any more. */
  readonly bytes: number | null;
}

/** What a stage has made. */
export interface ShownStage {
  readonly stage: string;
  readonly artifacts: number;
  readonly bytes: number;
  /** Seconds at work, over all sittings; null where they were not measured. */
  readonly seconds: number | null;
}

/** All artifacts of a run, or those of a stage, in the order in which they were noted. */
export async function artifactsOf(
  { manifest, ...record }: RunRecord,
  stage?: string,
): Promise<ShownArtifact[]> {
  const store = storeOf({ ...record, manifest });
  const wanted = manifest.results.filter((result) => stage === undefined || result.stage === stage);
  return Promise.all(
    wanted.map(async (result) => {
      const bytes = (await store.size(result)) ?? null;
      return { ...result, bytes };
    }),
  );
}

/** The stages of a run in their order. */
export async function stagesOf(record: RunRecord): Promise<ShownStage[]> {
  const byStage = Map.groupBy(await artifactsOf(record), ({ stage }) => stage);
  // What trainings learn from, and how much the judges of a panel count, is made while scoring.
  const ordered = Object.keys(STAGES).flatMap((stage) =>
    stage === 'train' ? ['reliability', 'dataset', stage] : [stage],
  );
  const names = [...new Set([...ordered, ...byStage.keys()])];
  return names.map((stage) => {
    const own = byStage.get(stage) ?? [];
    return {
      stage,
      artifacts: own.length,
      bytes: own.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
      seconds: record.manifest.timings[stage] ?? null,
    };
  });
}

/** The rows of an artifact as they lie there. @throws Error where it is not here, or is damaged */
export function rowsOf(record: RunRecord, ref: ArtifactRef): AsyncGenerator<unknown> {
  return storeOf(record).readJsonl(ref, (value) => value);
}

/** A solution of a question, with its score by signal. */
export interface ShownSolution {
  readonly index: number;
  readonly text: string;
  readonly tokens: number;
  readonly meanEntropy: number;
  readonly meanLogprob: number;
  readonly scores: Readonly<Record<string, number>>;
}

/** A judge's verdict on a pair: the preference for `i` in each order; null was unreadable or not asked for. */
export interface ShownVerdict {
  readonly judge: string;
  readonly i: number;
  readonly j: number;
  readonly forward: number | null;
  readonly backward: number | null;
}

/** What a system answered. */
export interface ShownAnswers {
  /** For example "dpo/self-judge seed 2, hard". */
  readonly system: string;
  readonly correct: number;
  readonly samples: readonly { readonly text: string; readonly correct: boolean; readonly tokens: number }[];
}

/** All that is known of a question. */
export interface ShownQuestion {
  readonly id: string;
  /** Empty where the questions cannot be drawn or read again. */
  readonly question: string;
  readonly answer: string;
  readonly difficulty: string;
  /** The split that it is in; null where that cannot be told. */
  readonly split: string | null;
  readonly saturated: boolean;
  readonly solutions: readonly ShownSolution[];
  readonly verdicts: readonly ShownVerdict[];
  readonly answers: readonly ShownAnswers[];
}

const sampleRow = z.object({
  problemId: z.string(),
  index: z.int(),
  text: z.string(),
  tokens: z.int(),
  meanEntropy: z.number(),
  meanLogprob: z.number(),
});
const scoreRow = z.object({
  problemId: z.string(),
  scores: z.array(z.object({ index: z.int(), score: z.number() })),
});
const verdictRow = z.object({
  problemId: z.string(),
  verdicts: z.array(
    z.object({ i: z.int(), j: z.int(), forward: z.number().optional(), backward: z.number().optional() }),
  ),
});
const answerRow = z.object({
  problemId: z.string(),
  text: z.string(),
  correct: z.boolean(),
  tokens: z.int(),
});

/**
 * Everything that a run knows of a question; undefined where it knows nothing. Reads whole artifacts: a second or two for a large run.
 */
export async function questionOf(record: RunRecord, id: string): Promise<ShownQuestion | undefined> {
  const { manifest } = record;
  const solutions = new Map<number, ShownSolution & { scores: Record<string, number> }>();
  const verdicts: ShownVerdict[] = [];
  const answers: ShownAnswers[] = [];
  let saturated: ReturnType<typeof parseGroup>['problem'] | undefined;
  for (const result of manifest.results) {
    // Later rounds sample other solutions, which scores of the first say nothing about.
    if (/ round \d+/.test(result.label) && result.stage !== 'evaluate') continue;
    const lines = await linesOf(record, result, id);
    if (lines.length === 0) continue;
    switch (result.stage) {
      case 'sample':
        for (const row of lines.map((line) => sampleRow.parse(line)))
          if (row.problemId === id) {
            const { problemId: _, ...solution } = row;
            solutions.set(row.index, { ...solution, scores: {} });
          }
        break;
      case 'saturate':
        for (const { problem } of lines.map(parseGroup)) if (problem.id === id) saturated = problem;
        break;
      case 'score':
        for (const row of lines.map((line) => scoreRow.parse(line)))
          if (row.problemId === id)
            for (const { index, score } of row.scores) {
              const solution = solutions.get(index);
              if (solution !== undefined) solution.scores[result.label] = score;
            }
        break;
      case 'compare':
        for (const row of lines.map((line) => verdictRow.parse(line)))
          if (row.problemId === id)
            for (const { i, j, forward = null, backward = null } of row.verdicts)
              verdicts.push({ judge: result.label.replace(/ chunk \d+$/, ''), i, j, forward, backward });
        break;
      case 'evaluate': {
        const samples = lines
          .map((line) => answerRow.parse(line))
          .filter(({ problemId }) => problemId === id);
        if (samples.length > 0)
          answers.push({
            system: result.label,
            correct: samples.filter(({ correct }) => correct).length,
            samples: samples.map(({ text, correct, tokens }) => ({ text, correct, tokens })),
          });
        break;
      }
    }
  }
  if (solutions.size === 0 && answers.length === 0) return undefined;
  const known = (await questionsOf(record)).find((question) => question.id === id);
  return {
    id,
    question: known?.question ?? saturated?.question ?? '',
    answer: known?.answer ?? saturated?.answer ?? '',
    difficulty: known?.difficulty ?? saturated?.difficulty ?? '',
    split: known?.split ?? null,
    saturated: saturated !== undefined,
    solutions: [...solutions.values()].sort((left, right) => left.index - right.index),
    verdicts,
    answers,
  };
}

/** The parsed lines of an artifact that name the question; none where the artifact is gone. */
async function linesOf(record: RunRecord, ref: ArtifactRef, id: string): Promise<unknown[]> {
  const store = storeOf(record);
  const root = storeFolderOf(record);
  const named = JSON.stringify(id);
  // By its text first: of many megabytes, a few lines are asked for.
  if (root !== undefined) {
    const path = join(root, 'objects', ref.sha256.slice(0, 2), ref.sha256);
    const text = await readFile(path, 'utf8').catch(() => '');
    if (!text.includes(named)) return [];
    return text
      .split('\n')
      .filter((line) => line.includes(named))
      .map((line): unknown => JSON.parse(line));
  }
  const lines: unknown[] = [];
  if (await store.has(ref))
    for await (const line of store.readJsonl(ref, (value) => value))
      if (JSON.stringify(line).includes(named)) lines.push(line);
  return lines;
}

/** A question of a run. */
export interface ListedQuestion {
  readonly id: string;
  readonly split: string;
  readonly question: string;
  readonly answer: string;
  readonly difficulty: string;
}

/** The questions of a run, split after split; none where they cannot be drawn or read again. */
export async function questionsOf(record: RunRecord): Promise<ListedQuestion[]> {
  const task = taskOfRun(record);
  if (task === undefined) return [];
  let splits: Splits;
  try {
    splits = await loadSplits(task);
  } catch {
    return [];
  }
  return (['train', 'development', 'easy', 'hard'] as const).flatMap((split) =>
    (splits[split] ?? []).map((problem) => ({ ...problem, split })),
  );
}

/** Ids of the saturated training questions; empty before saturation was found out. */
export async function saturatedIds(record: RunRecord): Promise<Set<string>> {
  const result = record.manifest.results.find(
    ({ stage, label }) => stage === 'saturate' && label === 'groups',
  );
  const ids = new Set<string>();
  if (result !== undefined && (await storeOf(record).has(result)))
    for await (const { problem } of storeOf(record).readJsonl(result, parseGroup)) ids.add(problem.id);
  return ids;
}

/**
 * An artifact by its label, or by the beginning of its hash or key (at least 6 digits).
 *
 * @throws InputError where there is none, naming what comes near, or several.
 */
export async function findArtifact(record: RunRecord, text: string): Promise<ShownArtifact> {
  const all = await artifactsOf(record);
  const isHash = /^[0-9a-f]{6,64}$/.test(text);
  const starts = ({ sha256, key }: ShownArtifact): boolean =>
    isHash && (sha256.startsWith(text) || key.startsWith(text));
  const found = all.filter(
    (one) => one.label === text || `${one.stage} ${one.label}` === text || starts(one),
  );
  const [first] = found;
  if (first === undefined) {
    const stages = [...new Set(all.map(({ stage }) => stage))];
    throw new InputError(
      `${record.path}: no stage, artifact or question is called "${text}"; ${unknownName('stage', text, stages)}`,
    );
  }
  const different = new Set(found.map(({ sha256 }) => sha256));
  if (different.size > 1)
    throw new InputError(
      `"${text}" names ${different.size} artifacts: ${found
        .slice(0, 5)
        .map(({ stage, label, sha256 }) => `${stage} ${label} (${sha256.slice(0, 12)})`)
        .join(', ')}; give a stage before the label, or more digits`,
    );
  return first;
}
