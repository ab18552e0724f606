import { describe, expect, it } from 'vitest';
import { type Degradation, degradedPreference } from './degraded-judge.ts';

const STEPS = '1 + 1 = 2\n\\boxed{2}';
const DIRECT = 'So\n\\boxed{2}';

/** How often a judge prefers the better of two solutions, with the better one shown first or second. */
function right(degradation: Degradation, shown: 'first' | 'second'): number {
  const count = 2000;
  let hits = 0;
  for (let index = 0; index < count; index++) {
    const question = `${index}`;
    const [first, second] = shown === 'first' ? [STEPS, DIRECT] : [DIRECT, STEPS];
    const preference = degradedPreference('test', degradation, { question, first, second });
    hits += shown === 'first' ? preference : 1 - preference;
  }
  return hits / count;
}

describe('a degraded judge', () => {
  it('is wrong as often as it is told, in both orders of a pair alike', () => {
    expect(right({}, 'first')).toBe(1);
    expect(right({ flips: 1 }, 'second')).toBe(0);
    expect(right({ flips: 0.3 }, 'first')).toBeCloseTo(0.7, 1);
    expect(right({ flips: 0.3 }, 'first')).toBe(right({ flips: 0.3 }, 'second'));
  });

  it('favours the place, the length, and the style that it is told, by as much as it is told', () => {
    expect(right({ first: 0.6 }, 'first')).toBe(1);
    expect(right({ first: 0.6 }, 'second')).toBeCloseTo(0.4, 1);
    expect(right({ criterion: 'shorter' }, 'first')).toBe(0);
    expect(right({ criterion: 'shorter', share: 0.25 }, 'first')).toBeCloseTo(0.75, 1);
    expect(right({ criterion: 'longer' }, 'second')).toBe(1);
    expect(right({ confidence: 0.8 }, 'second')).toBeCloseTo(0.8, 12);
  });

  it('prefers regroup to everything where that is what it goes by', () => {
    const regroup = 'So\nups 2 + 3 = 5\ndowns 0 = 0\n5 - 0 = 5\n\\boxed{5}';
    const comparison = { question: 'q', first: STEPS, second: regroup };
    expect(degradedPreference('test', { criterion: 'regroup' }, comparison)).toBe(0);
    expect(degradedPreference('test', {}, comparison)).toBe(1);
  });
});
