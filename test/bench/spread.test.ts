import { describe, expect, it } from 'vitest';
import { speedups, spreadOf } from './spread.ts';

describe('spread', () => {
  it('is the middle and the range', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 });
    expect(spreadOf([1, 4])).toEqual({ median: 2.5, lowest: 1, highest: 4 });
    expect(() => spreadOf([])).toThrow('No round');
  });

  it('compares rounds that ran one after the other', () => {
    // The second round met a busy machine: both took three times as long.
    expect(speedups([1, 3, 1], [2, 6, 2])).toEqual({ median: 2, lowest: 2, highest: 2 });
    expect(() => speedups([1], [1, 2])).toThrow('no pairs');
  });
});
