import { ComparisonPlan, type Solution } from '@overtone/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planComparisons } from './comparison-plan.ts';
import { maxSolutions, parseGroup } from './group.ts';

const solutionsOf = (texts: string[], indices = texts.map((_, index) => index)): Solution[] =>
  texts.map((text, position) => ({
    index: indices[position] ?? 0,
    text,
    meanEntropy: 1,
    meanLogprob: -1,
    tokens: 1,
  }));

describe('all pairs', () => {
  it('pairs every two different texts once, in ascending order, and never identical ones', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(texts, fc.boolean(), (sampled, descending) => {
        const indices = sampled.map((_, index) => (descending ? 100 - index : index));
        const solutions = solutionsOf(sampled, indices);
        const textOf = new Map(solutions.map(({ index, text }) => [index, text]));
        const pairs = planComparisons(parseGroup('p', solutions), ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS);
        const distinct = new Set(sampled).size;
        const compared = new Set(pairs.map(({ i, j }) => [textOf.get(i), textOf.get(j)].sort().join()));
        expect(pairs).toHaveLength((distinct * (distinct - 1)) / 2);
        expect(compared.size).toBe(pairs.length);
        for (const { i, j } of pairs) {
          expect(i).toBeLessThan(j);
          expect(textOf.get(i)).not.toBe(textOf.get(j));
        }
      }),
    );
  });

  it('names what is wrong', () => {
    const group = parseGroup('p', solutionsOf(['a', 'b']));
    expect(() => planComparisons(group, ComparisonPlan.COMPARISON_PLAN_UNSPECIFIED)).toThrow(/^plan: is 0/);
    const many = solutionsOf(Array.from({ length: maxSolutions + 1 }, (_, index) => `${index}`));
    expect(() => parseGroup('p', many)).toThrow(/between 1 and 256/);
  });
});
