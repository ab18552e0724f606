import { holm, mcnemarTest, pairedPermutationTest } from '@overtone/statistics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MeasuredSystem, measureSystems } from './measure.ts';
import type { QuestionOutcome } from './question-outcome.ts';

/** A question with four samples: some right, the wrong ones all alike, each style equally often. */
function outcome(index: number, correct: number): QuestionOutcome {
  return {
    problemId: `q${index}`,
    difficulty: index % 3 === 0 ? 'terms=2' : 'terms=10',
    samples: 4,
    correct,
    wrong: correct === 4 ? [] : [4 - correct],
    tokens: 40 + index,
    truncated: correct === 0 ? 1 : 0,
    unanswered: 0,
    styles: {
      long: { samples: correct, correct, tokens: 10 * correct },
      ...(correct < 4 ? { short: { samples: 4 - correct, correct: 0, tokens: 4 - correct } } : {}),
    },
  };
}

function system(name: string, ...runs: (readonly number[])[]): MeasuredSystem {
  return { name, runs: runs.map((corrects) => corrects.map((correct, index) => outcome(index, correct))) };
}

const counts = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 7, maxLength: 7 });

describe('measureSystems', () => {
  it('gives every metric with an interval that holds it, over all questions and at each difficulty', () => {
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 3 }), fc.nat(), (runs, seed) => {
        const [measured] = measureSystems([system('one', ...runs)], { seed, references: [] });
        if (measured === undefined) throw new Error('nothing was measured');
        const { accuracy, levels, styles } = measured;
        const flat = runs.flat();
        expect(accuracy.avg).toBeCloseTo(flat.reduce((sum, each) => sum + each, 0) / (4 * flat.length), 12);
        expect(accuracy.pass).toBeCloseTo(flat.filter((each) => each > 0).length / flat.length, 12);
        const majority = flat.reduce<number>((sum, each) => sum + (each > 2 ? 1 : each === 2 ? 0.5 : 0), 0);
        expect(accuracy.maj).toBeCloseTo(majority / flat.length, 12);
        expect(accuracy.truncated?.value).toBeCloseTo(
          flat.filter((each) => each === 0).length / (4 * flat.length),
          12,
        );
        expect(accuracy.meanTokens?.value).toBeCloseTo(43 / 4, 12);
        expect(accuracy.atK.map(({ k }) => k)).toEqual([1, 2, 4]);
        expect(accuracy.atK[0]?.pass).toBeCloseTo(accuracy.avg, 12);
        expect(accuracy.atK[0]?.maj).toBeCloseTo(accuracy.avg, 12);
        expect(accuracy.atK.at(-1)).toMatchObject({ pass: accuracy.pass });
        for (const [value, interval] of [
          [accuracy.avg, accuracy.ci95],
          [accuracy.pass, accuracy.passCi95],
          [accuracy.maj, accuracy.majCi95],
          ...[accuracy.meanTokens, accuracy.truncated].map((each) => [each?.value, each?.ci95] as const),
        ] as const) {
          expect(interval?.[0]).toBeLessThanOrEqual((value ?? NaN) + 1e-12);
          expect(interval?.[1]).toBeGreaterThanOrEqual((value ?? NaN) - 1e-12);
        }
        expect(levels.map(({ difficulty, questions }) => [difficulty, questions])).toEqual([
          ['terms=2', 3],
          ['terms=10', 4],
        ]);
        const pooled = levels.reduce((sum, level) => sum + level.avg * level.questions, 0) / 7;
        expect(pooled).toBeCloseTo(accuracy.avg, 12);
        expect(styles.reduce((sum, { share }) => sum + share.value, 0)).toBeCloseTo(1, 12);
        const long = styles.find(({ style }) => style === 'long');
        expect(long?.share.value ?? 0).toBeCloseTo(accuracy.avg, 12);
        expect(long?.avg?.value ?? 1).toBe(1);
      }),
      { numRuns: 25 },
    );
  });

  it('compares on the same questions, adjusts over those compared with one reference, and knows the power', () => {
    fc.assert(
      fc.property(
        counts,
        fc.array(counts, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (base, others, seed) => {
          const systems = [
            system('base', base),
            ...others.map((corrects, at) => system(`arm ${at}`, corrects)),
          ];
          const compared = systems.slice(1).map(({ name }) => name);
          const measured = measureSystems(systems, { seed, references: ['base'], compared });
          expect(measured[0]?.against).toEqual({});
          const found = measured.slice(1).map(({ against }) => against['base']);
          const pValues = others.map((corrects) => {
            const differences = corrects.map((correct, at) => correct / 4 - (base[at] ?? 0) / 4);
            return pairedPermutationTest(differences, { seed }).pValue;
          });
          expect(found.map((each) => each?.pValue)).toEqual(pValues);
          expect(found.map((each) => each?.pHolm)).toEqual(holm(pValues));
          found.forEach((each, at) => {
            const solved = (corrects: readonly number[]) => corrects.map((correct) => correct > 2);
            const ours = solved(others[at] ?? []);
            const theirs = solved(base);
            const gained = ours.filter((is, index) => is && !theirs[index]).length;
            const lost = ours.filter((is, index) => !is && theirs[index]).length;
            expect(each?.mcnemar).toMatchObject({ gained, lost, pValue: mcnemarTest(gained, lost) });
            expect(each?.power).toMatchObject({ questions: 7, alpha: 0.05 / others.length, power: 0.8 });
            // What would be needed is never less than what has not sufficed.
            if ((each?.pHolm ?? 0) >= 0.05 && each?.value !== 0)
              expect(each?.power?.questionsNeeded ?? Infinity).toBeGreaterThanOrEqual(2);
          });
          expect(measureSystems(systems, { seed, references: ['base'], compared })).toEqual(measured);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('adjusts over all references together where that is asked for', () => {
    const systems = [
      system('a', [4, 0, 4, 0, 2, 2, 4]),
      system('b', [0, 0, 4, 0, 2, 2, 4]),
      system('c', [4, 4, 4, 4, 4, 4, 4]),
    ];
    const together = measureSystems(systems, {
      seed: 1,
      references: ['a', 'b'],
      compared: ['c'],
      family: 'together',
    });
    const { a, b } = together[2]?.against ?? {};
    expect([a?.pHolm, b?.pHolm]).toEqual(holm([a?.pValue ?? NaN, b?.pValue ?? NaN]));
    expect(a?.power?.alpha).toBe(0.025);
  });

  it('leaves out what was not counted', () => {
    const bare = { name: 'bare', runs: [[{ problemId: 'q', difficulty: '', samples: 2, correct: 1 }]] };
    const [measured] = measureSystems([bare], { seed: 1, references: [] });
    expect(measured?.accuracy).toMatchObject({
      avg: 0.5,
      pass: 1,
      maj: null,
      meanTokens: null,
      unanswered: null,
    });
    expect(measured?.styles).toEqual([]);
  });
});
