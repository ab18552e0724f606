// A comparison plan: which pairs of a group's solutions a judge is asked about.
import { ComparisonPlan, type Pair } from '@overtone/contracts';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';

/**
 * The pairs to compare, as solution indices with i < j. Identical texts are never paired, and each text stands for its
 * duplicates: a judge is asked about two texts once, m(m − 1)/2 pairs for m distinct texts.
 * @throws InvalidInput when the plan is not one of the contract's
 */
export function planComparisons(group: Group, plan: ComparisonPlan): Pair[] {
  switch (plan) {
    case ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS:
      return allPairs(group);
    default:
      throw new InvalidInput('plan', `is ${plan}; expected COMPARISON_PLAN_ALL_PAIRS`);
  }
}

function allPairs({ texts }: Group): Pair[] {
  const pairs: Pair[] = [];
  texts.forEach(({ members: [first] }, position) => {
    for (const { members } of texts.slice(position + 1)) {
      const [second] = members;
      pairs.push({ i: Math.min(first.index, second.index), j: Math.max(first.index, second.index) });
    }
  });
  return pairs;
}
