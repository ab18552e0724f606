import { ComparisonPlan, type Pair, type PairVerdict, type Solution } from '@overtone/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planBudget, planComparisons, type PlanOptions } from './comparison-plan.ts';
import { maxSolutions, parseGroup } from './group.ts';

const solutionsOf = (texts: string[], indices = texts.map((_, index) => index)): Solution[] =>
  texts.map((text, position) => ({
    index: indices[position] ?? 0,
    text,
    meanEntropy: 1,
    meanLogprob: -1,
    tokens: 1,
  }));
const distinct = (size: number): Solution[] =>
  solutionsOf(Array.from({ length: size }, (_, index) => `text ${index}`));

type Answer = (pair: Pair) => PairVerdict;

/** A judge that is always right: the lower index is better. */
const right: Answer = ({ i, j }) => ({ i, j, forward: 1, backward: 1 });

/** Plays a plan to its end; every round must bring something new. */
function play(
  solutions: Solution[],
  plan: ComparisonPlan,
  answer: Answer,
  options: Omit<PlanOptions, 'verdicts'> = {},
): { verdicts: PairVerdict[]; rounds: number } {
  const group = parseGroup('p', solutions);
  const verdicts: PairVerdict[] = [];
  for (let rounds = 0; ; rounds++) {
    const pairs = planComparisons(group, plan, { ...options, verdicts });
    if (pairs.length === 0) return { verdicts, rounds };
    verdicts.push(...pairs.map(answer));
  }
}

const ALL_PAIRS = ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS;
const SWISS = ComparisonPlan.COMPARISON_PLAN_SWISS;
const SORTING = ComparisonPlan.COMPARISON_PLAN_SORTING;
const ACTIVE = ComparisonPlan.COMPARISON_PLAN_ACTIVE;

const probability = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });

describe.each([
  ['all-pairs', ALL_PAIRS],
  ['swiss', SWISS],
  ['sorting', SORTING],
  ['active', ACTIVE],
] as const)('%s', (_, plan) => {
  it('asks about two different texts once, within its budget, and ends, whatever is answered', () => {
    const texts = fc.array(fc.constantFrom(...'abcdefghij'), { minLength: 1, maxLength: 12 });
    const answers = fc.array(fc.tuple(probability, probability), { minLength: 1, maxLength: 20 });
    const budgets = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(texts, answers, budgets, fc.nat(), (sampled, told, maxPairs, seed) => {
        const solutions = solutionsOf(
          sampled,
          sampled.map((_, index) => 100 - index),
        );
        const textOf = new Map(solutions.map(({ index, text }) => [index, text]));
        let asked = 0;
        const answer: Answer = ({ i, j }) => {
          const [forward, backward] = told[asked++ % told.length] ?? [];
          return { i, j, forward, backward };
        };
        const { verdicts } = play(solutions, plan, answer, { maxPairs, seed });
        const pairs = verdicts.map(({ i, j }) => {
          expect(i).toBeLessThan(j);
          expect(textOf.get(i)).not.toBe(textOf.get(j));
          return [textOf.get(i), textOf.get(j)].sort().join();
        });
        expect(new Set(pairs).size).toBe(pairs.length);
        const different = new Set(sampled).size;
        const all = (different * (different - 1)) / 2;
        const most = maxPairs === 0 ? planBudget(plan, different) : maxPairs;
        expect(pairs.length).toBeLessThanOrEqual(Math.min(all, most));
        expect(planBudget(plan, different)).toBeLessThanOrEqual(all);
        if (plan !== SORTING) expect(pairs.length).toBe(Math.min(all, most));
      }),
      { numRuns: 60 },
    );
  });

  it('leaves out what has a verdict already, also through duplicates and unreadable ones', () => {
    const solutions = solutionsOf(['a', 'b', 'c', 'a']);
    // 0 and 3 have the same text: the verdict is on a and b.
    const verdicts = [{ i: 1, j: 3 }];
    const pairs = planComparisons(parseGroup('p', solutions), plan, { verdicts, maxPairs: 3 });
    for (const { i, j } of pairs) expect([i, j]).not.toEqual([0, 1]);
    const known = play(solutions, plan, right).verdicts;
    expect(planComparisons(parseGroup('p', solutions), plan, { verdicts: known })).toEqual([]);
  });

  it('depends on seed and problem alone', () => {
    const asked = (seed: number) => play(distinct(7), plan, right, { seed, maxPairs: 9 }).verdicts;
    expect(asked(1)).toEqual(asked(1));
    expect(asked(2)).not.toEqual(asked(1));
  });

  it('asks for as much with a budget as it would have asked first without', () => {
    const all = play(distinct(9), plan, right, { maxPairs: plan === ALL_PAIRS ? 35 : 36 }).verdicts;
    for (const maxPairs of [1, 5, 11]) {
      const { verdicts } = play(distinct(9), plan, right, { maxPairs });
      expect(verdicts).toEqual(all.slice(0, maxPairs));
    }
  });
});

describe('a plan', () => {
  it('of all pairs asks in ascending order, at once', () => {
    const { verdicts, rounds } = play(distinct(4), ALL_PAIRS, right);
    expect(rounds).toBe(1);
    expect(verdicts.map(({ i, j }) => `${i}${j}`)).toEqual(['01', '02', '03', '12', '13', '23']);
  });

  it('of all pairs with half of them shows every solution about as often', () => {
    const times = new Array<number>(8).fill(0);
    for (const { i, j } of play(distinct(8), ALL_PAIRS, right, { maxPairs: 12 }).verdicts)
      for (const index of [i, j]) times[index] = (times[index] ?? 0) + 1;
    expect(times).toEqual([3, 3, 3, 3, 3, 3, 3, 3]);
  });

  it('of Swiss rounds lets those meet that have won alike', () => {
    const { verdicts, rounds } = play(distinct(16), SWISS, right);
    expect(rounds).toBe(4);
    expect(verdicts).toHaveLength(32);
    const points = new Array<number>(16).fill(0);
    verdicts.forEach(({ i, j }, place) => {
      if (place < 16) expect(points[i]).toBe(points[j]);
      points[i] = (points[i] ?? 0) + 1;
    });
  });

  it('of sorting finds the order of a judge that is right, in at most n⌈log₂ n⌉ − 2^⌈log₂ n⌉ + 1 comparisons', () => {
    for (const size of [2, 5, 8, 21]) {
      const { verdicts } = play(distinct(size), SORTING, right, { seed: 3 });
      const neighbours = verdicts.filter(({ i, j }) => j === i + 1);
      expect(neighbours).toHaveLength(size - 1);
      expect(verdicts.length).toBeLessThanOrEqual(planBudget(SORTING, size));
    }
    expect(planBudget(SORTING, 8)).toBe(17);
  });

  it('that is active asks for at most half of the pairs of 8 solutions and a quarter of those of 32, as n log n', () => {
    expect(planBudget(ACTIVE, 8)).toBe(14);
    expect(planBudget(ACTIVE, 32)).toBeLessThanOrEqual(124);
    for (const size of [2, 3, 4, 16, 64, 256]) {
      const budget = planBudget(ACTIVE, size);
      expect(budget).toBeGreaterThanOrEqual(size - 1);
      expect(budget).toBeLessThanOrEqual(Math.max(1, size * Math.log2(size)));
    }
  });

  it('that is active turns to what is open: texts that are far apart are not compared again', () => {
    const { verdicts } = play(distinct(16), ACTIVE, right, { maxPairs: 60 });
    const distance = (some: PairVerdict[]): number =>
      some.reduce((sum, { i, j }) => sum + j - i, 0) / some.length;
    expect(distance(verdicts.slice(30))).toBeLessThan(0.6 * distance(verdicts.slice(0, 16)));
  });

  it('names what is wrong', () => {
    const group = parseGroup('p', solutionsOf(['a', 'b']));
    expect(() => planComparisons(group, ComparisonPlan.COMPARISON_PLAN_UNSPECIFIED)).toThrow(/^plan: is 0/);
    expect(() => planComparisons(group, ACTIVE, { verdicts: [{ i: 0, j: 2 }] })).toThrow(/^verdicts\[0\].j/);
    expect(() => planComparisons(group, ACTIVE, { maxPairs: -1 })).toThrow(/^max_pairs: is -1/);
    expect(() => parseGroup('p', distinct(maxSolutions + 1))).toThrow(/between 1 and 256/);
  });
});
