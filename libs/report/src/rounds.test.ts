import { describe, expect, it } from 'vitest';
import { buildReport, type MeasuredRound, type MeasuredRun } from './build.ts';
import { renderPage } from './html.ts';
import type { QuestionOutcome } from './question-outcome.ts';
import { parseReport } from './schema.ts';
import { renderTable } from './table.ts';

function outcomes(correct: readonly number[]): QuestionOutcome[] {
  return correct.map((count, index) => ({
    problemId: `q${index}`,
    difficulty: 'terms=8',
    samples: 4,
    correct: count,
  }));
}

const both = (correct: readonly number[]): MeasuredRun['outcomes'] => ({
  easy: outcomes([4, 4]),
  hard: outcomes(correct),
});

function round(
  number: number,
  saturated: number,
  correct: readonly number[],
  step: number | null = 10,
): MeasuredRound {
  return {
    round: number,
    ...{ saturated, noLonger: number === 1 ? 0 : 2, newly: number === 1 ? 0 : 7, accuracy: 0.9 },
    ...{ learningRate: step === null ? null : 0.001, step, development: null, outcomes: both(correct) },
  };
}

function run(seed: number, rounds: readonly MeasuredRound[]): MeasuredRun {
  const { learningRate = null, step = null, outcomes = both([]) } = rounds.at(-1) ?? {};
  return { seed, learningRate, step, development: null, outcomes, rounds };
}

const report = buildReport({
  name: 'rounds',
  model: { name: 'm', sha256: 'a', parameters: 1 },
  saturation: { questions: 20, saturated: 10, accuracy: 0.8 },
  signals: [],
  arms: [
    {
      name: 'base',
      signal: null,
      objective: null,
      runs: [{ seed: null, learningRate: null, step: null, development: null, outcomes: both([1, 1]) }],
    },
    {
      name: 'dpo',
      signal: 's',
      objective: 'dpo',
      runs: [
        run(1, [round(1, 10, [2, 2]), round(2, 15, [4, 2])]),
        run(2, [round(1, 10, [1, 3]), round(2, 16, [1, 3], null)]),
      ],
    },
  ],
  samples: 4,
  seed: 1,
  timings: {},
});

describe('rounds in a report', () => {
  it('are averaged over seeds, and the last one is the arm', () => {
    const [base, arm] = report.arms;
    expect(base?.rounds).toBeUndefined();
    expect(
      arm?.rounds?.map(({ saturated, trained, eval: { hard } }) => [saturated, trained, hard.avg]),
    ).toEqual([
      [10, 2, 0.5],
      [15.5, 1, 10 / 16],
    ]);
    expect(arm?.eval.hard.avg).toBe(10 / 16);
    expect(arm?.perSeed.map(({ rounds }) => rounds?.map((each) => each.eval.hard.avg))).toEqual([
      [0.5, 0.75],
      [0.5, 0.5],
    ]);
    expect(parseReport(JSON.stringify(report))).toEqual(report);
  });

  it('have a table of their own, on the terminal and on the page', async () => {
    const table = renderTable(report);
    expect(table).toMatch(/dpo +1 +10 of 20 +– +\.900 +1\.000 +\.500 \[.*\] +1\.000 +\+\.250 +\+\.250/);
    expect(table).toMatch(
      /2 \(1 of 2 seeds\) +15\.5 of 20 +−2 \+7 +\.900 +1\.000 +\.625 \[.*\] +1\.000 +\+\.375 +\+\.125/,
    );
    const page = await renderPage(report);
    expect(page).toContain('dpo: .250, .500, .625');
    expect(page).toMatch(/<h2>Rounds<\/h2>[\s\S]*15\.5 of 20/);
    const plain = { ...report, arms: report.arms.map(({ rounds: _, ...arm }) => arm) };
    expect(renderTable(plain)).not.toContain('no longer + newly');
    expect(await renderPage(plain)).not.toContain('<h2>Rounds</h2>');
  });
});
