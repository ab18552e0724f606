// What of an experiment need not be done any more, as far as the keys of artifacts can be known before anything runs: the samples, what
// of them is saturated, and the base model's answers. What comes after depends on what a judge will say; of that, a run with the same
// configuration tells.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import type { Prompt, Verifier } from '@overtone/tasks';
import { stringify } from 'yaml';
import type { Experiment } from '../config/load.ts';
import { needsTopEntropies } from '../config/signals.ts';
import type { Splits } from '../problems.ts';
import { chunks, readRows, resultKey } from '../run-context.ts';
import { parseSampledSolution, type SampledSolution } from '../solutions.ts';
import { knownQuestions } from '../stages/evaluate.ts';
import { samplingKey } from '../stages/sample.ts';
import { pastWork } from './past-work.ts';
import { readRun } from './run-record.ts';

/** What is there already. */
export interface KnownWork {
  /** The store that was looked into. */
  readonly artifacts: string;
  /** Samples of the training questions. */
  readonly samples: number;
  /** Saturated questions; null while samples are missing. */
  readonly saturated: number | null;
  /** Mean tokens of the samples; null without any. */
  readonly meanTokens: number | null;
  /** Solutions of evaluations: the base model's by their keys, those of arms where the run has the same configuration. */
  readonly evaluated: number;
  /** Training jobs and their steps, of a run with the same configuration. */
  readonly jobs: number;
  readonly steps: number;
  /** Whether the folder's run is this one, and is done: nothing is left. */
  readonly done: boolean;
}

/** What the questions of an experiment are, and who hosts the model. */
export interface KnownWorkInput {
  readonly experiment: Experiment;
  readonly splits: Splits;
  readonly prompt: Prompt;
  readonly verifier: Verifier;
  /** SHA-256 of the model. */
  readonly model: string;
  /** The run folder; absent: only a store that the experiment names is looked into. */
  readonly out: string | undefined;
}

/** Looks for what is there; undefined where there is no store to look into. Writes nothing. */
export async function knownWork(input: KnownWorkInput): Promise<KnownWork | undefined> {
  const { experiment, splits, prompt, verifier, model, out } = input;
  const { services, sampling, evaluation, signals } = experiment;
  const own = out === undefined ? undefined : pathToFileURL(join(resolve(out), 'artifacts')).href;
  const artifacts = services.artifacts ?? own;
  if (artifacts === undefined) return undefined;
  const store = openStore(artifacts);
  const options = { model, prompt, decoding: sampling, topEntropies: needsTopEntropies(signals) };
  const samples: SampledSolution[] = [];
  for (const chunk of chunks(splits.train, sampling.chunk)) {
    const ref = await store.resolve(resultKey('sample', samplingKey(options, chunk)));
    if (ref !== undefined) samples.push(...(await readRows(store, ref, parseSampledSolution)));
  }
  let base = 0;
  for (const split of ['development', 'easy', 'hard'] as const) {
    const problems = splits[split] ?? [];
    if (problems.length === 0) continue;
    const asked = {
      label: `base, ${split}`,
      model,
      adapter: undefined,
      problems,
      prompt,
      decoding: evaluation,
      bootstrapSeed: evaluation.bootstrapSeed,
      verifier,
    };
    base += (await knownQuestions(store, asked)) * evaluation.samples;
  }
  const past = out === undefined ? undefined : await sameRun(out, experiment);
  const isWhole = samples.length === splits.train.length * sampling.samples;
  return {
    artifacts,
    samples: samples.length,
    saturated: isWhole ? await saturatedOf(splits, samples, verifier) : null,
    meanTokens:
      samples.length === 0 ? null : samples.reduce((sum, { tokens }) => sum + tokens, 0) / samples.length,
    evaluated: Math.max(base, past?.evaluated ?? 0),
    jobs: past?.jobs ?? 0,
    steps: past?.steps ?? 0,
    done: past?.done ?? false,
  };
}

/** What the run in a folder has done, where it has the same configuration. */
async function sameRun(out: string, experiment: Experiment) {
  if (!existsSync(join(out, 'manifest.json'))) return undefined;
  const record = await readRun(out);
  const hash = createHash('sha256').update(stringify(experiment)).digest('hex');
  if (record.manifest.configuration !== hash) return undefined;
  const work = await pastWork(record);
  return work === undefined ? undefined : { ...work, done: record.state === 'done' };
}

async function saturatedOf({ train }: Splits, samples: readonly SampledSolution[], { verify }: Verifier) {
  const byProblem = Map.groupBy(samples, ({ problemId }) => problemId);
  let saturated = 0;
  for (const problem of train) {
    const own = byProblem.get(problem.id) ?? [];
    let correct = 0;
    for (const { text } of own) {
      const verdict = verify(problem, text);
      correct += Number((verdict instanceof Promise ? await verdict : verdict).correct);
    }
    if (own.length > 0 && correct === own.length) saturated += 1;
  }
  return saturated;
}
