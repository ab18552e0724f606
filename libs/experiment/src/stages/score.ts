// Score: a signal's quality score of every solution of every group.
import { type PairVerdict, ScoreMethod, type SolutionScore } from '@overtone/contracts';
import { z } from 'zod';
import type { Signal } from '../config/schema.ts';
import { findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
import type { Group } from '../solutions.ts';
import type { Saturation } from './saturate.ts';
import type { Verdicts } from './compare.ts';

/** A signal's scores. */
export interface Scores {
  /** By the problem's id, in the order of its solutions. */
  readonly byProblem: ReadonlyMap<string, readonly SolutionScore[]>;
  /** Stands for the scores in keys. */
  readonly sha256: string;
}

const METHODS: Readonly<Record<Signal['method'], ScoreMethod>> = {
  'inverse-entropy': ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY,
  wins: ScoreMethod.SCORE_METHOD_WINS,
  'bradley-terry': ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
  random: ScoreMethod.SCORE_METHOD_RANDOM,
  brevity: ScoreMethod.SCORE_METHOD_BREVITY,
};

const row = z.object({
  problemId: z.string(),
  scores: z.array(z.object({ index: z.int(), score: z.number(), standardError: z.number() })),
});

const SCORE_DEADLINE_MS = 600_000;

/** Scores all groups with a signal; `verdicts` are its judge's, undefined for a signal without one. */
export async function score(
  context: RunContext,
  name: string,
  signal: Signal,
  { groups, sha256 }: Saturation,
  verdicts: Verdicts | undefined,
): Promise<Scores> {
  const stage = context.progress.stage('score');
  return stage.run(async () => {
    const spec = signalSpec(signal);
    const { ref, reused } = await findOrMake(context, {
      stage: 'score',
      label: name,
      key: { signal: spec, groups: sha256, verdicts: verdicts?.sha256 ?? [] },
      make: () =>
        outlastRestarts(
          [context.services.scorer],
          async () => {
            const requests = groups.map(({ problem, solutions }) => ({
              problemId: problem.id,
              signal: spec,
              solutions: [...solutions],
              verdicts: verdictsOf(verdicts, problem.id),
            }));
            const options = { signal: context.signal, timeoutMs: SCORE_DEADLINE_MS };
            return context.store.writeJsonl(context.services.scorer.scoreGroups(requests, options));
          },
          context,
        ),
    });
    const rows = await readRows(context.store, ref, (value) => row.parse(value));
    if (rows.length !== groups.length)
      throw new Error(`the scorer scored ${rows.length} groups of ${groups.length} for signal "${name}"`);
    stage.advance(groups.length, reused);
    return {
      byProblem: new Map(rows.map(({ problemId, scores }) => [problemId, scores])),
      sha256: ref.sha256,
    };
  }, name);
}

/** The message that says what a signal is. */
export function signalSpec(signal: Signal) {
  return {
    method: METHODS[signal.method],
    reversed: 'reversed' in signal && signal.reversed,
    seed: 'seed' in signal ? signal.seed : 0,
  };
}

/** A copy of the verdicts on a problem's pairs; empty where there are none. */
export function verdictsOf(verdicts: Verdicts | undefined, problemId: string): PairVerdict[] {
  return [...(verdicts?.byProblem.get(problemId) ?? [])];
}

/** Whether a signal tells any two solutions of any group apart. */
export function distinguishes(scores: Scores, groups: readonly Group[]): boolean {
  return groups.some(({ problem, solutions }) => {
    const own = scores.byProblem.get(problem.id) ?? [];
    const texts = new Set(solutions.map(({ text }) => text));
    return texts.size > 1 && new Set(own.map(({ score }) => score)).size > 1;
  });
}
