import { describe, expect, it } from 'vitest';
import { buildReport } from './build.ts';
import { compareRuns, type RunToCompare } from './comparison.ts';
import { renderComparisonHtml } from './comparison-page.ts';
import { comparisonTable } from './comparison-table.ts';
import type { QuestionOutcome } from './question-outcome.ts';

/** Outcomes of questions that are right so many times of four. */
const outcomes = (ids: readonly string[], correct: (index: number) => number): QuestionOutcome[] =>
  ids.map((problemId, index) => ({ problemId, difficulty: '', samples: 4, correct: correct(index) }));
const ids = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `q${from + index}`);

function run(
  name: string,
  questions: readonly string[],
  correct: (index: number) => number,
  settings: Record<string, string> = {},
  asks: (id: string) => string = (id) => `what is ${id}?`,
): RunToCompare {
  const easy = outcomes(questions, () => 4);
  const split = { easy, hard: outcomes(questions, correct) };
  const base = { easy, hard: outcomes(questions, () => 2) };
  const measured = { learningRate: 1e-3, step: 10, development: null };
  const report = buildReport({
    name: 'experiment',
    model: { name: 'model', sha256: 'a'.repeat(64), parameters: 1 },
    saturation: { questions: 10, saturated: 5, accuracy: 0.8 },
    signals: [],
    judges: [],
    arms: [
      { name: 'base', signal: null, objective: null, runs: [{ ...measured, seed: null, outcomes: base }] },
      { name: 'sft/a', signal: 'a', objective: 'sft', runs: [{ ...measured, seed: 1, outcomes: split }] },
    ],
    samples: 4,
    seed: 1,
    references: ['base'],
    timings: {},
  });
  return {
    name,
    report,
    outcomes: (['easy', 'hard'] as const).flatMap((each) => [
      { arm: 'base', split: each, runs: [base[each]] },
      { arm: 'sft/a', split: each, runs: [split[each]] },
    ]),
    questions: new Map(questions.map((id) => [id, asks(id)])),
    settings: new Map(Object.entries(settings)),
  };
}

describe('a comparison of runs', () => {
  it('pairs the questions that both measured, and those alone', () => {
    const first = run('one', ids(0, 40), () => 2);
    // One right answer more on each question that both have; what only the second has is all wrong.
    const second = run('two', ids(20, 40), (index) => (index < 20 ? 3 : 0));
    const comparison = compareRuns([first, second], { seed: 1 });
    const [base, arm] = comparison.arms.map(({ cells }) => cells[1]?.hard.difference);
    expect([base?.value, arm?.value, arm?.ci95]).toEqual([0, 0.25, [0.25, 0.25]]);
    expect(arm?.pHolm).toBeLessThan(0.01);
    expect(comparison.pairings.find(({ split }) => split === 'hard')).toMatchObject({
      questions: 20,
      of: [40, 40],
      note: expect.stringContaining('20 were measured by both; the others are left out'),
    });
    expect(comparisonTable(comparison)).toContain('+.250 [+.250, +.250] p <.001');
  });

  it.each([
    ['no question in common', run('two', ids(100, 40), () => 3), /no question was measured by both/],
    ['hardly any', run('two', ids(38, 40), () => 3), /only 2 questions were measured by both/],
    [
      'questions that only have the same ids',
      run(
        'two',
        ids(0, 40),
        () => 3,
        {},
        (id) => `another ${id}`,
      ),
      /same id and ask something else/,
    ],
    [
      'samples that are gone',
      { ...run('two', ids(0, 40), () => 3), outcomes: undefined },
      /the samples of two are not in its artifacts/,
    ],
  ])('says that runs are not comparable with %s', (_, second, note) => {
    const comparison = compareRuns([run('one', ids(0, 40), () => 2), second], { seed: 1 });
    const text = comparisonTable(comparison);
    expect(text).toMatch(/not comparable/);
    expect(text).toMatch(note);
    expect(comparison.arms.flatMap(({ cells }) => cells.map((cell) => cell?.hard.difference))).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(text).not.toContain('permutation test');
  });

  it('names the settings that differ, says when they change what is measured, and stands for a section with one line', () => {
    const shared = { 'sampling.samples': '8', 'evaluation.temperature': '0.6' };
    const first = run('one', ids(0, 10), () => 2, shared);
    const second = run('two', ids(0, 10), () => 2, {
      ...shared,
      'evaluation.temperature': '1',
      'objectives.dpo.beta': '5',
      'objectives.dpo.steps': '80',
    });
    const comparison = compareRuns([first, second], { seed: 1 });
    expect(comparison.settings).toEqual([
      { key: 'evaluation.temperature', values: ['0.6', '1'] },
      { key: 'objectives.dpo.beta', values: [null, '5'] },
      { key: 'objectives.dpo.steps', values: [null, '80'] },
    ]);
    const text = comparisonTable(comparison);
    expect(text).toMatch(/measured in another way: evaluation\.temperature differ/);
    expect(text).toMatch(/objectives\.dpo\.\*\s+–\s+2 settings/);
    expect(comparisonTable(compareRuns([first, { ...first, name: 'again' }], { seed: 1 }))).toContain(
      'The configurations are the same.',
    );
  });

  it('is a page that loads nothing and says nothing unescaped', () => {
    const html = renderComparisonHtml(
      compareRuns([run('<b>one', ids(0, 10), () => 2), run('two', ids(0, 10), () => 3)], { seed: 1 }),
    );
    expect(html).not.toMatch(/<b>one|src=|href=|<script/);
    expect(html).toContain('&lt;b&gt;one');
    expect(html.match(/<h1>/g)).toHaveLength(1);
  });
});
