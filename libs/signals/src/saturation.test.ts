import { describe, expect, it } from 'vitest';
import { findSaturated, isSaturated } from './saturation.ts';

describe('saturation', () => {
  it('sorts out the questions that are always solved', () => {
    const groups = [
      { id: 'a', correct: [true, true, true] },
      { id: 'b', correct: [true, false, true] },
      { id: 'c', correct: [false, false, false] },
      { id: 'd', correct: [true, true, true] },
    ];
    const { saturated, ...counts } = findSaturated(groups);
    expect(saturated.map(({ id }) => id)).toEqual(['a', 'd']);
    expect(counts).toEqual({ questions: 4, unsolved: 1, byCorrect: [1, 0, 1, 2] });
  });

  it('does not call a question without samples saturated', () => {
    expect(isSaturated({ correct: [] })).toBe(false);
  });
});
