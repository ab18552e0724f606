import { describe, expect, it } from 'vitest';
import { topEntropy } from './sample.ts';

describe('topEntropy', () => {
  it('is the mean of the largest tenth of the entropies, at least one of them', () => {
    expect(topEntropy([0.5])).toBe(0.5);
    expect(topEntropy([0.1, 3, 0.2])).toBe(3);
    const entropies = Array.from({ length: 29 }, (_, token) => token / 10);
    expect(topEntropy(entropies)).toBeCloseTo((2.8 + 2.7) / 2, 12);
  });
});
