// Reading a verdict from what a judging model wrote: strictly. What is not exactly a verdict is unreadable, never a guess.
import { Outcome } from '@overtone/contracts';
import { verdictOfPreference, type Verdict } from './verdict.ts';

/** No verdict. */
export const UNREADABLE: Verdict = { preferenceFirst: 0.5, outcome: Outcome.OUTCOME_UNREADABLE };

/** A longer line is no verdict: the patterns below would take long over a hundred thousand blanks. */
const LONGEST_LINE = 1000;

/** A line that is a verdict, perhaps in the dressing of Markdown. */
const LINE = /^[\s*_#>"'`]*judge?ment\s*[:：]\s*[*_"'`]*\s*(?:solution\s+)?([01])[*_"'`.\s]*$/i;

/**
 * The verdict of an answer in words. Without an analysis the answer must be the verdict's line, or its digit, and nothing else. After
 * an analysis the last line must be it, and no other line may say something else.
 */
export function readVerdictText(text: string, { analysis = false } = {}): Verdict {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const last = lines.at(-1);
  if (last === undefined || last.length > LONGEST_LINE) return UNREADABLE;
  const digit = digitOf(last) ?? (analysis ? undefined : /^\s*([01])\s*\.?\s*$/.exec(last)?.[1]);
  if (digit === undefined) return UNREADABLE;
  const others = lines.slice(0, -1);
  if (!analysis && others.length > 0) return UNREADABLE;
  if (others.some((line) => (digitOf(line) ?? digit) !== digit)) return UNREADABLE;
  return verdictOfPreference(digit === '0' ? 1 : 0);
}

function digitOf(line: string): string | undefined {
  return line.length > LONGEST_LINE ? undefined : LINE.exec(line)?.[1];
}

/** An analysis up to its verdict's digit, so that both digits can be compared as its continuation; undefined without a verdict. */
export function analysisBeforeVerdict(text: string): string | undefined {
  if (readVerdictText(text, { analysis: true }).outcome === Outcome.OUTCOME_UNREADABLE) return undefined;
  const end = text.trimEnd().lastIndexOf('\n') + 1;
  return text.slice(0, end);
}
