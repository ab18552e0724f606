import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReport, type MeasuredRun, type ReportInput } from './build.ts';
import type { QuestionOutcome } from './question-outcome.ts';
import { parseReport } from './schema.ts';

function outcomes(correct: readonly number[], samples = 4): QuestionOutcome[] {
  return correct.map((count, index) => ({
    problemId: `q${index}`,
    difficulty: index % 2 === 0 ? 'terms=7' : 'terms=10',
    samples,
    correct: count,
  }));
}

function run(seed: number | null, hard: readonly number[]): MeasuredRun {
  const training = seed === null ? null : 10;
  return {
    seed,
    learningRate: training,
    step: training,
    development: null,
    outcomes: { easy: outcomes([4, 3]), hard: outcomes(hard) },
  };
}

function input(arms: ReportInput['arms']): ReportInput {
  return {
    name: 'test',
    model: { name: 'm', sha256: 'a', parameters: 1 },
    saturation: { questions: 10, saturated: 5, accuracy: 0.8 },
    signals: [],
    arms,
    samples: 4,
    seed: 1,
    timings: { train: 1.5 },
  };
}

const base = { name: 'base', signal: null, objective: null, runs: [run(null, [2, 0, 4, 1])] };
const sft = {
  name: 'sft/entropy',
  signal: 'entropy',
  objective: 'sft',
  runs: [run(1, [4, 0, 4, 2]), run(2, [2, 0, 4, 4])],
};

describe('a report', () => {
  it('pools the seeds question by question, and lists them', () => {
    const report = buildReport(input([base, sft]));
    const [measuredBase, measured] = report.arms;
    expect(measuredBase?.eval.hard.avg).toBeCloseTo(7 / 16);
    expect(measuredBase?.seeds).toEqual([]);
    expect(measured?.seeds).toEqual([1, 2]);
    expect(measured?.eval.hard.avg).toBeCloseTo(20 / 32);
    expect(measured?.eval.hard.pass).toBeCloseTo(3 / 4);
    expect(measured?.perSeed.map((seed) => seed.eval.hard.avg)).toEqual([10 / 16, 10 / 16]);
    expect(measured?.levels.filter(({ split }) => split === 'hard')).toMatchObject([
      { split: 'hard', difficulty: 'terms=7', questions: 2, avg: 7 / 8 },
      { split: 'hard', difficulty: 'terms=10', questions: 2, avg: 3 / 8 },
    ]);
  });

  it('compares arms on the same questions, and refuses where they are not', () => {
    const report = buildReport(input([base, sft]));
    // Questions differ by (.25, 0, 0, .5): of the four ways to sign the two that differ, two are as extreme.
    expect(report.arms[1]?.against['base']?.hard).toMatchObject({ value: 0.1875, pValue: 0.5 });
    expect(report.arms[0]?.against).toEqual({});
    const short = {
      ...sft,
      runs: [{ ...run(1, [1]), outcomes: { easy: outcomes([1, 1]), hard: outcomes([1]) } }],
    };
    expect(() => buildReport(input([base, { ...short, name: 'short' }, sft]))).not.toThrow();
    const other = { ...run(1, []), outcomes: { easy: outcomes([1, 1, 1]), hard: outcomes([1]) } };
    expect(() => buildReport(input([base, { ...sft, runs: [other] }]))).toThrow(
      /not measured on the same questions/,
    );
  });

  it('survives its own file, whatever the outcomes', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(counts, fc.array(counts, { minLength: 1, maxLength: 4 }), (baseCorrect, armCorrect) => {
        const arm = { ...sft, runs: armCorrect.map((correct, seed) => run(seed, correct)) };
        const report = buildReport(input([{ ...base, runs: [run(null, baseCorrect)] }, arm]));
        expect(parseReport(JSON.stringify(report))).toEqual(report);
        for (const { eval: split } of report.arms) {
          expect(split.hard.ci95[0]).toBeLessThanOrEqual(split.hard.avg + 1e-12);
          expect(split.hard.ci95[1]).toBeGreaterThanOrEqual(split.hard.avg - 1e-12);
        }
      }),
      { numRuns: 20 },
    );
  });
});
