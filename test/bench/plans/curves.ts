// Curves of quality against calls: every plan plays every group once, to the end, and is scored after each budget on the way.
// A plan asks for the same pairs in the same order whatever its budget is, so that the way is that of every smaller budget.
import { ComparisonPlan } from '@overtone/contracts';
import { seededRandom } from '@overtone/statistics';
import { judgeAll, type SimulatedJudge, trueStrengths } from './judges.ts';
import { blankSolutions, type JudgedGroup, play, qualityOf } from './play.ts';

/** The plans by their names in an experiment. */
export const plans = {
  'all-pairs': ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS,
  swiss: ComparisonPlan.COMPARISON_PLAN_SWISS,
  sorting: ComparisonPlan.COMPARISON_PLAN_SORTING,
  active: ComparisonPlan.COMPARISON_PLAN_ACTIVE,
} as const;
export type PlanName = keyof typeof plans;

/** Means over groups. */
export interface Point {
  /** Pairs asked; a pair is asked in both orders. */
  readonly pairs: number;
  readonly tau: number;
  /** Shares of groups, in percent. */
  readonly best: number;
  readonly worst: number;
}

/** Which groups are drawn: the plans were tuned on `tuning`; what is reported and tested is drawn from other seeds. */
export type Draw = 'tuning' | 'evaluation';

/** Groups whose truth is known, with a judge's verdicts. */
export function* simulate(
  judge: SimulatedJudge,
  size: number,
  groups: number,
  draw: Draw = 'evaluation',
): Generator<JudgedGroup> {
  const seed = draw === 'tuning' ? ['plans'] : ['plans', draw, judge.name];
  for (let group = 0; group < groups; group++) {
    const random = seededRandom(...seed, size, group);
    const truth = trueStrengths(size, random);
    yield {
      problemId: `simulated ${group}`,
      solutions: blankSolutions(truth.map((_, index) => index)),
      verdicts: judgeAll(judge, truth, random),
      truth,
    };
  }
}

/**
 * A plan's quality after each of the budgets, in shares of all pairs. Below 1, all-pairs means as many of them, every solution
 * equally often: what a budget without a plan would buy.
 */
export function curve(groups: Iterable<JudgedGroup>, plan: PlanName, shares: readonly number[]): Point[] {
  const sums = shares.map(() => ({ pairs: 0, tau: 0, best: 0, worst: 0 }));
  let count = 0;
  for (const group of groups) {
    count++;
    const all = group.verdicts.length;
    const most = Math.max(...shares);
    const budgets = shares.map((share) => Math.max(1, Math.floor(share * all)));
    const partial = play(group, plans[plan], plan === 'all-pairs' ? Math.max(1, all - 1) : all, 1);
    const whole = plan === 'all-pairs' && most >= 1 ? group.verdicts : partial.verdicts;
    budgets.forEach((budget, at) => {
      const verdicts = budget >= all ? whole : partial.verdicts.slice(0, budget);
      const { tau, best, worst } = qualityOf(group, verdicts);
      const sum = sums[at];
      if (sum === undefined) return;
      sum.pairs += verdicts.length;
      sum.tau += tau;
      sum.best += 100 * best;
      sum.worst += 100 * worst;
    });
  }
  return sums.map(({ pairs, tau, best, worst }) => ({
    pairs: pairs / count,
    tau: tau / count,
    best: best / count,
    worst: worst / count,
  }));
}
