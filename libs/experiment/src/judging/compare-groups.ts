// Comparing groups: rounds of a plan, each of whose pairs goes to the judge in both orders, until the plan has no further pairs or
// the budget no further calls.
import { ComparisonPlan, type PairVerdict, type Solution } from '@overtone/contracts';
import { type Judge, planOf } from '../config/judge.ts';
import { collect } from '../run-context.ts';
import { outlastRestarts, type Services } from '../services.ts';
import type { JudgeSession } from './judge-session.ts';

/** Solutions of one question. */
export interface ComparedGroup {
  readonly problem: { readonly id: string; readonly question: string };
  readonly solutions: readonly Solution[];
}

/** A judge's verdicts on a group. */
export interface GroupVerdicts {
  readonly problemId: string;
  readonly verdicts: PairVerdict[];
  /** Whether the plan is done; otherwise the budget was, first. */
  readonly whole: boolean;
}

/** How pairs are chosen. */
export type PlanSettings = Pick<Judge, 'plan' | 'maxPairs'>;

const PLANS = {
  'all-pairs': ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS,
  swiss: ComparisonPlan.COMPARISON_PLAN_SWISS,
  sorting: ComparisonPlan.COMPARISON_PLAN_SORTING,
  active: ComparisonPlan.COMPARISON_PLAN_ACTIVE,
} as const;

const PLAN_DEADLINE_MS = 600_000;

interface Progressing {
  readonly group: ComparedGroup;
  readonly verdicts: PairVerdict[];
  open: boolean;
  whole: boolean;
}

/** Asks a judge about the pairs of some groups, round by round. One answer per group, in order. */
export async function compareGroups(
  groups: readonly ComparedGroup[],
  settings: PlanSettings,
  {
    scorer,
    session,
    signal,
  }: { readonly scorer: Services['scorer']; readonly session: JudgeSession; readonly signal: AbortSignal },
): Promise<GroupVerdicts[]> {
  const { maxPairs } = settings;
  const plan = planOf(settings);
  const all = groups.map((group): Progressing => ({ group, verdicts: [], open: true, whole: true }));
  for (let open = all; open.length > 0; open = open.filter((each) => each.open)) {
    const requests = open.map(({ group: { problem, solutions }, verdicts }) => ({
      problemId: problem.id,
      solutions: [...solutions],
      plan: PLANS[plan],
      verdicts,
      maxPairs: maxPairs ?? 0,
      seed: 0,
    }));
    const planned = await outlastRestarts(
      [scorer],
      () => collect(scorer.planComparisons(requests, { signal, timeoutMs: PLAN_DEADLINE_MS })),
      { signal },
    );
    await Promise.all(
      open.map(async (each, index) => {
        const { problemId, pairs } = planned[index] ?? { problemId: '', pairs: [] };
        if (problemId !== each.group.problem.id)
          throw new Error(
            `the scorer planned "${problemId}" where "${each.group.problem.id}" was asked for; plans come in order`,
          );
        each.open = pairs.length > 0 && plan !== 'all-pairs';
        const judged = await Promise.all(pairs.map((pair) => judgePair(session, each.group, pair)));
        for (const verdict of judged) {
          if (verdict !== undefined) each.verdicts.push(verdict);
        }
        if (judged.includes(undefined)) {
          each.open = false;
          each.whole = false;
        }
      }),
    );
  }
  return all.map(({ group, verdicts, whole }) => ({ problemId: group.problem.id, verdicts, whole }));
}

async function judgePair(
  session: JudgeSession,
  { problem, solutions }: ComparedGroup,
  { i, j }: { readonly i: number; readonly j: number },
): Promise<PairVerdict | undefined> {
  const [one, other] = [solutions[i]?.text, solutions[j]?.text];
  if (one === undefined || other === undefined)
    throw new Error(
      `the scorer planned a pair (${i}, ${j}) of "${problem.id}", which has ${solutions.length} solutions`,
    );
  const preferences = await session.pair(problem.question, one, other);
  return preferences && { i, j, ...preferences };
}
