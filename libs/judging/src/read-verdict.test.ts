import { Outcome } from '@overtone/contracts';
import { describe, expect, it } from 'vitest';
import { analysisBeforeVerdict, readVerdictText } from './read-verdict.ts';

const { OUTCOME_FIRST: FIRST, OUTCOME_SECOND: SECOND, OUTCOME_UNREADABLE: UNREADABLE } = Outcome;

describe('a verdict in words', () => {
  it.each([
    ['Judgment: 0', FIRST],
    ['Judgment: 1', SECOND],
    ['judgement: 1.', SECOND],
    ['**Judgment: 0**', FIRST],
    ['> Judgment: `1`', SECOND],
    ['Judgment: solution 1', SECOND],
    [' 0 ', FIRST],
    ['1.', SECOND],
    ['', UNREADABLE],
    ['Judgment:', UNREADABLE],
    ['Judgment: 2', UNREADABLE],
    ['Judgment: 10', UNREADABLE],
    ['Judgment: 0 or 1', UNREADABLE],
    ['Judgment: 0, but barely', UNREADABLE],
    ['I think 0', UNREADABLE],
    ['Both.\nJudgment: 0', UNREADABLE],
    ['I refuse.', UNREADABLE],
  ])('%j alone is %i', (text, outcome) => {
    expect(readVerdictText(text).outcome).toBe(outcome);
  });

  it.each([
    ['The first states all.\n\nJudgment: 0\n', FIRST],
    ['One may say\nJudgment: 1\nbut no.\nJudgment: 0', UNREADABLE],
    ['Judgment: 1\nas said,\nJudgment: 1', SECOND],
    ['The first states all. Judgment: 0', UNREADABLE],
    ['Judgment: 0\nand that is that.', UNREADABLE],
    ['0', UNREADABLE],
  ])('after an analysis, %j is %i', (text, outcome) => {
    expect(readVerdictText(text, { analysis: true }).outcome).toBe(outcome);
  });

  it('is looked for in no time, whatever a judge writes', () => {
    const started = performance.now();
    for (const text of [`${' '.repeat(500_000)}x`, `Judgment:${' '.repeat(500_000)}x`, '* '.repeat(250_000)])
      expect(readVerdictText(`${text}\nJudgment: 0`, { analysis: true }).outcome).toBe(FIRST);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('leaves the analysis before it', () => {
    expect(analysisBeforeVerdict('Long.\nVery.\nJudgment: 1\n')).toBe('Long.\nVery.\n');
    expect(analysisBeforeVerdict('Judgment: 1')).toBe('');
    expect(analysisBeforeVerdict('Long.')).toBeUndefined();
  });
});
