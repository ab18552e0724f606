import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesFor } from './teacher-forcing.ts';

describe('the batches of a number of rows', () => {
  it('hold all rows with little room left, and have few sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 64 }), (count, most) => {
        const batches = batchesFor(count, most);
        const places = batches.reduce((sum, batch) => sum + batch, 0);
        expect(places).toBeGreaterThanOrEqual(count);
        expect(places - count).toBeLessThanOrEqual(Math.max(1, count / 8));
        for (const batch of batches) expect(batch === most || Number.isInteger(Math.log2(batch))).toBe(true);
      }),
    );
  });
});
