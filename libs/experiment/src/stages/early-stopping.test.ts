import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Patience, rungs } from './early-stopping.ts';

describe('patience', () => {
  const questions = (correct: number): number[] =>
    Array.from({ length: 20 }, (_, index) => +(index < correct));

  it('runs out after so many measurements in a row without improvement, and begins anew with one', () => {
    const patience = new Patience(2);
    const taken = [10, 9, 14, 14, 15].map((correct) => patience.exhausted(questions(correct)));
    expect(taken).toEqual([false, false, false, false, true]);
  });

  it('adds small improvements up, but a single question that changes is none', () => {
    const patience = new Patience(3);
    expect([10, 11, 12, 12].map((correct) => patience.exhausted(questions(correct)))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 200 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (n, gain) => {
          const impatient = new Patience(1);
          impatient.exhausted(Array.from({ length: n }, () => 0));
          expect(impatient.exhausted(Array.from({ length: n }, (_, index) => (index === 0 ? gain : 0)))).toBe(
            true,
          );
        },
      ),
    );
  });
});

describe('rungs', () => {
  it('are after 1, 2, 4 … snapshots, as many as it takes to leave one rate', () => {
    expect(rungs(1, 10)).toEqual([]);
    expect(rungs(2, 10)).toEqual([0]);
    expect(rungs(8, 10)).toEqual([0, 1, 3]);
    expect(rungs(5, 10)).toEqual([0, 1, 3]);
    // Never after the last snapshot, where nothing is left to save.
    expect(rungs(8, 3)).toEqual([0, 1]);
  });
});
