// Score: a signal's quality score of every solution of every group.
import {
  type PairVerdict,
  type PanelVerdicts,
  ScoreMethod,
  type SignalSpec,
  type SolutionScore,
} from '@overtone/contracts';
import { z } from 'zod';
import type { Signal } from '../config/schema.ts';
import { collect, findOrMake, readRows, type RunContext } from '../run-context.ts';
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
  /** How much each judge of a panel counts; empty for other signals. */
  readonly panel: readonly JudgeReliability[];
}

const METHODS: Readonly<Record<Signal['method'], ScoreMethod>> = {
  'inverse-entropy': ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY,
  wins: ScoreMethod.SCORE_METHOD_WINS,
  'bradley-terry': ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
  random: ScoreMethod.SCORE_METHOD_RANDOM,
  brevity: ScoreMethod.SCORE_METHOD_BREVITY,
  'inverse-top-entropy': ScoreMethod.SCORE_METHOD_INVERSE_TOP_ENTROPY,
  'mean-logprob': ScoreMethod.SCORE_METHOD_MEAN_LOGPROB,
  panel: ScoreMethod.SCORE_METHOD_PANEL,
  combination: ScoreMethod.SCORE_METHOD_COMBINATION,
};

const row = z.object({
  problemId: z.string(),
  scores: z.array(z.object({ index: z.int(), score: z.number(), standardError: z.number() })),
});

/** Reads a line of what is known of a panel. */
export const judgeReliability = z.object({ judge: z.string(), reliability: z.number(), pairs: z.int() });
/** How much a judge of a panel counts, and the pairs that say so. */
export type JudgeReliability = z.infer<typeof judgeReliability>;

const SCORE_DEADLINE_MS = 600_000;

/** What a signal's scores are computed from, besides the solutions. */
export interface ScoreInputs {
  /** By the name of the judge, the verdicts of each judge that the signal asks, in its order. */
  readonly verdicts: ReadonlyMap<string, Verdicts>;
  /** The scores of a combination's parts, in its order. */
  readonly parts: readonly Scores[];
}

/** Scores all groups with a signal. */
export async function score(
  context: RunContext,
  name: string,
  signal: Signal,
  saturation: Saturation,
  { verdicts, parts }: ScoreInputs,
): Promise<Scores> {
  const stage = context.progress.stage('score');
  const { groups, sha256 } = saturation;
  return stage.run(async () => {
    const spec = signalSpec(signal);
    const isPanel = signal.method === 'panel';
    const panel = isPanel ? await estimateReliability(context, name, saturation, verdicts) : [];
    const reliability = new Map(panel.map((own) => [own.judge, own.reliability]));
    const weights = signal.method === 'combination' ? signal.parts.map(({ weight }) => weight) : [];
    const [single] = isPanel ? [] : verdicts.values();
    const { ref, reused } = await findOrMake(context, {
      stage: 'score',
      label: name,
      key: {
        signal: signalKey(spec),
        groups: sha256,
        verdicts: single?.sha256 ?? [],
        panel: isPanel
          ? Array.from(verdicts, ([judge, { sha256 }]) => ({
              judge,
              sha256,
              reliability: reliability.get(judge) ?? 1,
            }))
          : undefined,
        parts:
          parts.length > 0
            ? parts.map(({ sha256 }, part) => ({ sha256, weight: weights[part] ?? 0 }))
            : undefined,
      },
      make: () =>
        outlastRestarts(
          [context.services.scorer],
          async () => {
            const requests = groups.map(({ problem, solutions }) => ({
              problemId: problem.id,
              signal: spec,
              solutions: [...solutions],
              verdicts: verdictsOf(single, problem.id),
              panel: isPanel ? panelOf(verdicts, problem.id, reliability) : [],
              components: parts.map(({ byProblem }, part) => ({
                weight: weights[part] ?? 0,
                scores: [...(byProblem.get(problem.id) ?? [])],
              })),
            }));
            const options = { signal: context.signal, timeoutMs: SCORE_DEADLINE_MS };
            const scored = await collect(context.services.scorer.scoreGroups(requests, options));
            return context.store.writeJsonl(scored);
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
      panel,
    };
  }, name);
}

/** How much each judge of a panel counts. */
async function estimateReliability(
  context: RunContext,
  name: string,
  { groups, sha256 }: Saturation,
  verdicts: ScoreInputs['verdicts'],
): Promise<JudgeReliability[]> {
  const { ref } = await findOrMake(context, {
    stage: 'reliability',
    label: name,
    key: { groups: sha256, panel: Array.from(verdicts, ([judge, { sha256 }]) => ({ judge, sha256 })) },
    make: () =>
      outlastRestarts(
        [context.services.scorer],
        async () => {
          const requests = groups.map(({ problem, solutions }) => ({
            problemId: problem.id,
            solutions: [...solutions],
            panel: panelOf(verdicts, problem.id, new Map()),
          }));
          const options = { signal: context.signal, timeoutMs: SCORE_DEADLINE_MS };
          const { judges } = await context.services.scorer.estimateReliability(requests, options);
          return context.store.writeJsonl(judges);
        },
        context,
      ),
  });
  const judges = await readRows(context.store, ref, (value) => judgeReliability.parse(value));
  context.progress.say(
    `signal "${name}": reliability of ${judges
      .map(({ judge, reliability, pairs }) => `${judge} ${reliability.toFixed(2)} (${pairs} pairs)`)
      .join(', ')}`,
  );
  return judges;
}

function panelOf(
  verdicts: ScoreInputs['verdicts'],
  problemId: string,
  reliability: ReadonlyMap<string, number>,
): PanelVerdicts[] {
  return Array.from(verdicts, ([judge, own]) => ({
    judge,
    reliability: reliability.get(judge) ?? 1,
    verdicts: verdictsOf(own, problemId),
  }));
}

/** The message that says what a signal is. */
export function signalSpec(signal: Signal): SignalSpec {
  return {
    method: METHODS[signal.method],
    reversed: 'reversed' in signal && signal.reversed,
    seed: 'seed' in signal ? signal.seed : 0,
    residualiseLength: 'residualiseLength' in signal && signal.residualiseLength,
  };
}

/** A specification as part of a key, which settings that are not used leave as it was before there were any. */
export function signalKey({ method, reversed, seed, residualiseLength }: SignalSpec) {
  return { method, reversed, seed, residualiseLength: residualiseLength || undefined };
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
