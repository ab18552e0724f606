// Compare: a judge's verdicts on pairs of a group's solutions, in both orders, in chunks of groups.
import {
  type CompareRequest,
  type CompareResponse,
  ComparisonPlan,
  type JudgeServiceClient,
  Outcome,
  type PairVerdict,
} from '@overtone/contracts';
import type { Remote } from '@overtone/rpc';
import { z } from 'zod';
import { chunks, collect, findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
import type { Group } from '../solutions.ts';

/** A judge's verdicts on groups. */
export interface Verdicts {
  /** By the problem's id. */
  readonly byProblem: ReadonlyMap<string, readonly PairVerdict[]>;
  /** SHA-256 of each chunk: stand for the verdicts in keys. */
  readonly sha256: readonly string[];
}

const row = z.object({
  problemId: z.string(),
  verdicts: z.array(
    z.object({ i: z.int(), j: z.int(), forward: z.number().optional(), backward: z.number().optional() }),
  ),
});
type Row = z.infer<typeof row>;

const GROUPS_PER_CHUNK = 16;
const COMPARE_DEADLINE_MS = 3_600_000;

/** A judge, by its name in the experiment. */
export interface NamedJudge {
  readonly name: string;
  readonly remote: Remote<typeof JudgeServiceClient.service>;
  /** What determines its verdicts. */
  readonly fingerprint: string;
}

/** Asks a judge about every pair of different solutions of every group. */
export async function compare(
  context: RunContext,
  judge: NamedJudge,
  groups: readonly Group[],
): Promise<Verdicts> {
  const stage = context.progress.stage('compare');
  return stage.run(async () => {
    const byProblem = new Map<string, readonly PairVerdict[]>();
    const sha256: string[] = [];
    for (const [index, part] of chunks(groups, GROUPS_PER_CHUNK).entries()) {
      const { ref, reused } = await findOrMake(context, {
        stage: 'compare',
        label: `${judge.name} chunk ${index + 1}`,
        key: {
          judge: judge.fingerprint,
          plan: 'all-pairs',
          groups: part.map(({ problem, solutions }) => ({
            id: problem.id,
            question: problem.question,
            texts: solutions.map(({ text }) => text),
          })),
        },
        make: () =>
          outlastRestarts(
            [context.services.scorer, judge.remote, context.services.generator],
            async () => context.store.writeJsonl(await compareChunk(context, judge, part)),
            context,
          ),
      });
      for (const { problemId, verdicts } of await readRows(context.store, ref, (value) => row.parse(value)))
        byProblem.set(problemId, verdicts);
      sha256.push(ref.sha256);
      stage.advance(part.length, reused);
    }
    return { byProblem, sha256 };
  }, judge.name);
}

async function compareChunk(
  context: RunContext,
  judge: NamedJudge,
  groups: readonly Group[],
): Promise<Row[]> {
  const { scorer } = context.services;
  const requests = groups.map(({ problem, solutions }) => ({
    problemId: problem.id,
    solutions: [...solutions],
    plan: ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS,
  }));
  const options = { signal: context.signal, timeoutMs: COMPARE_DEADLINE_MS };
  const plans = await collect(scorer.planComparisons(requests, options));
  const pairsOf = new Map(plans.map((plan) => [plan.problemId, plan.pairs]));

  // Solutions with the same text get the same verdict: every ordered pair of texts is judged once.
  const comparisons = new Map<string, CompareRequest>();
  const planned = groups.map(({ problem, solutions }) => {
    const ask = (first: string, second: string): string => {
      const place = JSON.stringify([problem.id, first, second]);
      const known = comparisons.get(place);
      if (known !== undefined) return known.id;
      const id = String(comparisons.size);
      comparisons.set(place, { id, question: problem.question, first, second });
      return id;
    };
    const pairs = (pairsOf.get(problem.id) ?? []).map(({ i, j }) => {
      const [one, other] = [solutions[i]?.text, solutions[j]?.text];
      if (one === undefined || other === undefined)
        throw new Error(
          `the scorer planned a pair (${i}, ${j}) of "${problem.id}", which has ${solutions.length} solutions`,
        );
      return { i, j, forward: ask(one, other), backward: ask(other, one) };
    });
    return { problemId: problem.id, pairs };
  });

  const answers = new Map<string, CompareResponse>();
  if (comparisons.size > 0)
    for await (const answer of judge.remote.compare(comparisons.values(), options))
      answers.set(answer.id, answer);
  const preference = (id: string): number | undefined => {
    const answer = answers.get(id);
    if (answer === undefined)
      throw new Error(`judge "${judge.name}" did not answer comparison ${id} of ${comparisons.size}`);
    return answer.outcome === Outcome.OUTCOME_UNREADABLE ? undefined : answer.preferenceFirst;
  };
  return planned.map(({ problemId, pairs }) => ({
    problemId,
    verdicts: pairs.map(({ i, j, forward, backward }) => {
      const jFirst = preference(backward);
      return { i, j, forward: preference(forward), backward: jFirst === undefined ? undefined : 1 - jFirst };
    }),
  }));
}
