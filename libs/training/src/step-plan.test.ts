import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSteps, type StepPlan, type TokenizedExample } from './step-plan.ts';

/** Examples of one sequence of the given lengths. */
const examplesOf = (lengths: readonly number[]): TokenizedExample[] =>
  lengths.map((length, index) => ({
    id: `g${index}`,
    sequences: [{ tokens: new Int32Array(length), promptLength: 1 }],
    scores: [],
    coefficients: {},
  }));

const ids = (plan: StepPlan): string[][] => plan.map((step) => step.map(({ id }) => id));

describe('a step plan', () => {
  const counts = fc.record({
    examples: fc.integer({ min: 1, max: 40 }),
    groupsPerStep: fc.integer({ min: 1, max: 12 }),
    steps: fc.integer({ min: 1, max: 30 }),
    seed: fc.integer(),
  });

  it('takes every example once in each pass, in full steps', () => {
    fc.assert(
      fc.property(counts, ({ examples, groupsPerStep, steps, seed }) => {
        const all = examplesOf(new Array<number>(examples).fill(5));
        const plan = ids(planSteps(all, { groupsPerStep, steps }, seed));
        expect(plan).toHaveLength(steps);
        for (const step of plan) expect(step).toHaveLength(groupsPerStep);
        const order = plan.flat();
        const known = all.map(({ id }) => id).sort();
        for (let from = 0; from < order.length; from += examples) {
          const pass = order.slice(from, from + examples);
          expect(new Set(pass).size).toBe(pass.length);
          if (pass.length === examples) expect([...pass].sort()).toEqual(known);
        }
      }),
    );
  });

  it('with no number of steps covers every example', () => {
    fc.assert(
      fc.property(counts, ({ examples, groupsPerStep, seed }) => {
        const all = examplesOf(new Array<number>(examples).fill(5));
        const plan = ids(planSteps(all, { groupsPerStep, steps: 0 }, seed));
        expect(plan).toHaveLength(Math.ceil(examples / groupsPerStep));
        expect(plan.flat().toSorted()).toEqual(ids([all]).flat().toSorted());
      }),
    );
  });

  it('is the same for the same seed, another for another, and a longer one begins as a shorter', () => {
    const all = examplesOf(new Array<number>(30).fill(5));
    const plan = (steps: number, seed: number): string[][] =>
      ids(planSteps(all, { groupsPerStep: 7, steps }, seed));
    expect(plan(12, 1)).toEqual(plan(12, 1));
    expect(plan(12, 2)).not.toEqual(plan(12, 1));
    expect(plan(12, 1).slice(0, 5)).toEqual(plan(5, 1));
    const [first, second] = [plan(60, 1).flat().slice(0, 30), plan(60, 1).flat().slice(30, 60)];
    expect(second).not.toEqual(first);
  });

  it('by tokens keeps the order, fills each step as far as it goes, and drops nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 120 }),
        (lengths, tokensPerStep) => {
          const all = examplesOf(lengths);
          const plan = planSteps(all, { tokensPerStep }, 0);
          expect(plan.flat()).toEqual(all);
          const size = (step: readonly TokenizedExample[]): number =>
            step.reduce((sum, { sequences }) => sum + (sequences[0]?.tokens.length ?? 0), 0);
          plan.forEach((step, index) => {
            if (step.length > 1) expect(size(step)).toBeLessThanOrEqual(tokensPerStep);
            const next = plan[index + 1]?.slice(0, 1);
            if (next) expect(size([...step, ...next])).toBeGreaterThan(tokensPerStep);
          });
        },
      ),
    );
  });
});
