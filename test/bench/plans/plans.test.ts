import { describe, expect, it } from 'vitest';
import { curve, type PlanName, simulate } from './curves.ts';
import { extremesMargin, goalShares, tauMargin } from './goal.ts';
import { judges } from './judges.ts';
import type { JudgedGroup } from './play.ts';

/** A mean over groups that is certain to within two standard errors. */
interface Measured {
  readonly mean: number;
  readonly error: number;
}

function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: 2 * Math.sqrt(squares / (values.length - 1) / values.length) };
}

function pointOf(group: JudgedGroup, plan: PlanName, share: number) {
  const [point] = curve([group], plan, [share]);
  if (point === undefined) throw new Error('no point');
  return point;
}

/** What `active` loses against another plan, on the same groups: others than those that plans were tuned on. */
function lossOf(
  judge: string,
  size: number,
  groups: number,
  share: number,
  against: { readonly plan: PlanName; readonly share: number },
) {
  const simulated = judges.find(({ name }) => name === judge);
  if (simulated === undefined) throw new Error(`there is no judge "${judge}"`);
  const pairs = Array.from(simulate(simulated, size, groups, 'evaluation'), (group) => ({
    active: pointOf(group, 'active', share),
    other: pointOf(group, against.plan, against.share),
  }));
  const loss = (figure: 'tau' | 'best' | 'worst'): Measured =>
    measured(pairs.map(({ active, other }) => other[figure] - active[figure]));
  const asked = Math.max(...pairs.map(({ active }) => active.pairs));
  return { asked, tau: loss('tau'), best: loss('best'), worst: loss('worst') };
}

describe('active, on judges whose truth is known', () => {
  it.each([
    ['soft, error 0', 8, 300],
    ['soft, error 0.1', 8, 300],
    ['soft, error 0.1, sharp', 8, 300],
    ['soft, error 0.1, position bias', 8, 300],
    ['soft, error 0', 32, 40],
    ['soft, error 0.1', 32, 40],
    ['hard, temperature 0', 32, 40],
    ['hard, temperature 0.1', 32, 40],
  ])(
    'is as good as all pairs with the share of calls that is the goal: %s, n = %i',
    (judge, size, groups) => {
      const share = goalShares[size] ?? 1;
      const { asked, tau, best, worst } = lossOf(judge, size, groups, share, { plan: 'all-pairs', share: 1 });
      expect(asked).toBeLessThanOrEqual((share * size * (size - 1)) / 2);
      // Of tau that is certain; how often the best is found varies by points with so few groups.
      expect(tau.mean + tau.error).toBeLessThan(tauMargin);
      expect(best.mean - best.error).toBeLessThan(extremesMargin);
      expect(worst.mean - worst.error).toBeLessThan(extremesMargin);
    },
  );

  it.each(judges.map(({ name }) => name))('is nowhere worse than as many pairs taken evenly: %s', (judge) => {
    const { tau } = lossOf(judge, 8, 300, 0.5, { plan: 'all-pairs', share: 0.5 });
    expect(tau.mean - tau.error).toBeLessThan(0);
  });
});
