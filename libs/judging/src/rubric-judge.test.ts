import { describe, expect, it } from 'vitest';
import { rubricPreference } from './rubric.ts';

const BEST_FIRST = [
  '2 + 3 = 5\n\\boxed{5}',
  '2 + 3 = 5\ncheck 2 + 3 = 5\n\\boxed{5}',
  'Plan: in order\n5\n\\boxed{5}',
  'So\nups 2 + 3 = 5\ndowns 0 = 0\n5 - 0 = 5\n\\boxed{5}',
  'So\n5\n\\boxed{5}',
  'So\n\\boxed{5}',
  'I guess it is five.',
];

describe('rubricPreference', () => {
  it('orders steps > check > plan > regroup > terse > direct > other, both ways round', () => {
    for (const [i, better] of BEST_FIRST.entries()) {
      for (const [j, worse] of BEST_FIRST.entries()) {
        expect(rubricPreference(better, worse)).toBe(i < j ? 1 : i > j ? 0 : 0.5);
      }
    }
  });
});
