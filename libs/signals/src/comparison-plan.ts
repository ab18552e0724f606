// A comparison plan: which pairs of a group's solutions a judge is asked about next.
import { ComparisonPlan, type Pair, type PairVerdict } from '@overtone/contracts';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import { active } from './plans/active.ts';
import { allPairs } from './plans/all-pairs.ts';
import { sorting } from './plans/sorting.ts';
import { type Plan, standingOf } from './plans/standing.ts';
import { swiss } from './plans/swiss.ts';
import { checkVerdicts } from './preferences.ts';

/** What a plan goes by. */
export interface PlanOptions {
  /** The verdicts there are so far. Default none. */
  verdicts?: readonly PairVerdict[];
  /** Most pairs of texts over all rounds; 0, the default, leaves it to the plan. */
  maxPairs?: number;
  /** Seed of the choices that nothing else decides. Default 0. */
  seed?: number;
}

/**
 * The pairs to compare next, as solution indices with i < j; none when the plan is done. A plan is asked again with the
 * verdicts on them until it has no more. Identical texts are never paired, nor two texts that have a verdict, readable or
 * not, and each text stands for its duplicates: a judge is asked about two texts once.
 * @throws InvalidInput when the plan is not one of the contract's, or a verdict makes no sense
 */
export function planComparisons(
  group: Group,
  plan: ComparisonPlan,
  { verdicts = [], maxPairs = 0, seed = 0 }: PlanOptions = {},
): Pair[] {
  const chosen = planOf(plan);
  checkVerdicts(group, verdicts);
  if (!Number.isInteger(maxPairs) || maxPairs < 0) {
    throw new InvalidInput(
      'max_pairs',
      `is ${maxPairs}; expected a number of pairs, or 0 for the plan's own`,
    );
  }
  const standing = standingOf(group, verdicts, seed);
  const left = (maxPairs === 0 ? chosen.budget(standing.size) : maxPairs) - standing.asked;
  if (left <= 0) return [];
  return chosen
    .next(standing, left)
    .slice(0, left)
    .map(([a, b]) => {
      const first = representative(group, a);
      const second = representative(group, b);
      return { i: Math.min(first, second), j: Math.max(first, second) };
    });
}

/** Most pairs that a plan asks for among so many different texts when nobody says otherwise. */
export function planBudget(plan: ComparisonPlan, texts: number): number {
  return planOf(plan).budget(texts);
}

function planOf(plan: ComparisonPlan): Plan {
  switch (plan) {
    case ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS:
      return allPairs;
    case ComparisonPlan.COMPARISON_PLAN_SWISS:
      return swiss;
    case ComparisonPlan.COMPARISON_PLAN_SORTING:
      return sorting;
    case ComparisonPlan.COMPARISON_PLAN_ACTIVE:
      return active;
    default:
      throw new InvalidInput(
        'plan',
        `is ${plan}; expected one of the plans of the contract, such as COMPARISON_PLAN_ALL_PAIRS`,
      );
  }
}

/** The solution that stands for a text: the first that has it. */
function representative({ texts }: Group, text: number): number {
  const found = texts[text];
  if (found === undefined) throw new Error(`a plan named text ${text} of ${texts.length}`);
  return found.members[0].index;
}
