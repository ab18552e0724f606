import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';
import { witnessReliabilities } from './witness-reliabilities.ts';
import { answers, reliabilities } from './witness-reliabilities.fixture.ts';

const logit = (probability: number): number => Math.log(probability / (1 - probability));

/** Questions whose witnesses say, all with the same certainty, what is right as often as `accuracies` say. */
function questions(accuracies: readonly number[], count: number, certainty: number): number[][] {
  const random = seededRandom('witnesses');
  return Array.from({ length: count }, () => {
    const truth = random() < 0.5 ? 1 : -1;
    return accuracies.map((accuracy) => (random() < accuracy ? truth : -truth) * certainty);
  });
}

describe('witnessReliabilities', () => {
  it('equals SciPy’s maximum', () => {
    const found = witnessReliabilities(3, answers);
    reliabilities.forEach((expected, witness) => expect(found[witness]).toBeCloseTo(expected, 6));
  });

  it('finds how often each witness is right, without being told what is', () => {
    const accuracies = [0.95, 0.8, 0.65, 0.5, 0.2];
    const certainty = 3;
    const found = witnessReliabilities(5, questions(accuracies, 8000, certainty));
    accuracies.forEach((accuracy, witness) =>
      expect(Math.abs((found[witness] ?? NaN) * certainty - logit(accuracy))).toBeLessThan(0.2),
    );
    expect(found[3]).toBeCloseTo(0, 1);
  });

  it('leaves a witness without company at 1, and lets silence pass', () => {
    expect([...witnessReliabilities(2, [])]).toEqual([1, 1]);
    expect(
      witnessReliabilities(3, [
        [2, 2],
        [-2, -2, NaN],
      ])[2],
    ).toBeCloseTo(1, 9);
  });

  it('does not depend on the order of questions or on which side is called +1', () => {
    const rows = fc.array(
      fc.array(fc.double({ min: -6, max: 6, noNaN: true }), { minLength: 3, maxLength: 3 }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(rows, (asked) => {
        const found = witnessReliabilities(3, asked);
        const mirrored = witnessReliabilities(
          3,
          asked.toReversed().map((row) => row.map((answer) => -answer)),
        );
        found.forEach((reliability, witness) => {
          expect(Number.isFinite(reliability)).toBe(true);
          expect(mirrored[witness]).toBeCloseTo(reliability, 5);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('names what is wrong', () => {
    expect(() => witnessReliabilities(1, [[1, 2]])).toThrow(/question 0 has 2 answers of 1/);
    expect(() => witnessReliabilities(1, [[Infinity]])).toThrow(/answer 0 of question 0 is Infinity/);
  });
});
