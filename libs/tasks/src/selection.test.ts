import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { select } from './selection.ts';

const items = Array.from({ length: 50 }, (_, index) => index);

describe('select', () => {
  it('takes ranges of one shuffle, so that they are disjoint and make the whole', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 49 }), (seed, count) => {
        const first = select(items, { seed, count });
        const rest = select(items, { seed, offset: count });
        expect([...first, ...rest].sort((a, b) => a - b)).toEqual(items);
        expect(select(items, { seed, count })).toEqual(first);
      }),
    );
    expect(select(items, { seed: 1 })).not.toEqual(select(items, { seed: 2 }));
  });

  it('keeps the order without a seed', () => {
    expect(select(items, { offset: 2, count: 3 })).toEqual([2, 3, 4]);
    expect(select(items, {})).toEqual(items);
  });

  it('says so when there are too few', () => {
    expect(() => select(items, { count: 51 })).toThrow(
      'there are only 50 questions, but 51 after the first 0',
    );
    expect(() => select(items, { offset: 50 })).toThrow(RangeError);
  });
});
