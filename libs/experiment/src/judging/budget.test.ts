import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget, boundOf, costOf } from './budget.ts';

const nothing = { calls: 0, promptTokens: 0, completionTokens: 0 };
const limits = fc.record(
  {
    calls: fc.nat(40),
    tokens: fc.nat(4000),
    currency: fc.record({
      amount: fc.double({ min: 0, max: 0.01, noNaN: true }),
      promptPerMillion: fc.double({ min: 0, max: 10, noNaN: true }),
      completionPerMillion: fc.double({ min: 0, max: 10, noNaN: true }),
    }),
  },
  { requiredKeys: [] },
);
const bound = { promptTokens: 90, completionTokens: 30 };
/** What comparisons cost: never more than the bound; some are not answered, some lost. */
const answers = fc.array(
  fc.record({
    cost: fc.record({ promptTokens: fc.nat(90), completionTokens: fc.nat(30) }),
    fate: fc.constantFrom('answered', 'answered', 'answered', 'failed', 'lost'),
    pair: fc.boolean(),
  }),
  { maxLength: 60 },
);

describe('a budget', () => {
  it('is never exceeded, and always answers', async () => {
    await fc.assert(
      fc.asyncProperty(limits, answers, async (limit, wanted) => {
        const budget = new Budget(limit, nothing);
        const spent = { calls: 0, promptTokens: 0, completionTokens: 0 };
        await Promise.all(
          wanted.map(async ({ cost, fate, pair }) => {
            const bounds = pair ? [bound, bound] : [bound];
            if (!(await budget.reserve(bounds))) return;
            for (const each of bounds) {
              await Promise.resolve();
              if (fate === 'failed') {
                budget.release(each);
                continue;
              }
              const paid = fate === 'lost' ? bound : cost;
              spent.calls++;
              spent.promptTokens += paid.promptTokens;
              spent.completionTokens += paid.completionTokens;
              if (fate === 'lost') budget.forfeit(each);
              else budget.settle(each, cost);
            }
          }),
        );
        expect(spent.calls).toBeLessThanOrEqual(limit.calls ?? Infinity);
        expect(spent.promptTokens + spent.completionTokens).toBeLessThanOrEqual(limit.tokens ?? Infinity);
        expect(costOf(limit, spent) ?? 0).toBeLessThanOrEqual((limit.currency?.amount ?? 0) + 1e-12);
      }),
    );
  });

  it('is spent to the last call', async () => {
    const budget = new Budget({ calls: 7 }, { ...nothing, calls: 2 });
    const granted = await Promise.all(
      Array.from({ length: 9 }, async () => {
        const free = { promptTokens: 0, completionTokens: 0 };
        const yes = await budget.reserve([free]);
        if (yes) budget.settle(free, free);
        return yes;
      }),
    );
    expect(granted.filter(Boolean)).toHaveLength(5);
  });

  it('bounds a comparison by its bytes', () => {
    expect(boundOf({ promptTokens: 100, promptTokensPerByte: 1.5, completionTokens: 8 }, 11)).toEqual({
      promptTokens: 117,
      completionTokens: 8,
    });
  });
});
