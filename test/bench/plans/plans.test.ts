import { describe, expect, it } from 'vitest';
import { curve, type PlanName, simulate } from './curves.ts';
import { against, goalShares } from './goal.ts';
import { judges } from './judges.ts';

function pointOf(plan: PlanName, judge: string, size: number, groups: number, share: number) {
  const simulated = judges.find(({ name }) => name === judge);
  if (simulated === undefined) throw new Error(`there is no judge "${judge}"`);
  const [point] = curve(simulate(simulated, size, groups), plan, [share]);
  if (point === undefined) throw new Error('no point');
  return point;
}

describe('active, on judges whose truth is known', () => {
  it.each([
    ['soft, error 0', 8, 300],
    ['soft, error 0.1', 8, 300],
    ['soft, error 0.1, sharp', 8, 300],
    ['soft, error 0.1, position bias', 8, 300],
    ['soft, error 0', 32, 50],
    ['soft, error 0.1', 32, 50],
    ['hard, temperature 0', 32, 50],
    ['hard, temperature 0.1', 32, 50],
  ])(
    'is as good as all pairs with the share of calls that is the goal: %s, n = %i',
    (judge, size, groups) => {
      const share = goalShares[size] ?? 1;
      const active = pointOf('active', judge, size, groups, share);
      expect(active.pairs).toBeLessThanOrEqual((share * size * (size - 1)) / 2);
      const compared = against(pointOf('all-pairs', judge, size, groups, 1), active);
      expect(compared).toMatchObject({ reached: true });
    },
  );

  it.each(judges.map(({ name }) => name))('is nowhere worse than as many pairs taken evenly: %s', (judge) => {
    const even = pointOf('all-pairs', judge, 8, 150, 0.5);
    const active = pointOf('active', judge, 8, 150, 0.5);
    expect(active.tau).toBeGreaterThan(even.tau - 0.005);
  });
});
