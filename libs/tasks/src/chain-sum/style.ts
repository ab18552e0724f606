// The style of a ChainSum solution: how it gets from the question to the answer, read from the structure of its text
// alone. Whether its arithmetic is right plays no part.

/** The styles, from the most to the least explicit by the miniature's rubric. */
export const CHAIN_SUM_STYLES = ['steps', 'check', 'plan', 'regroup', 'terse', 'direct'] as const;

/** A style, or "other" where the structure is none of them. */
export type ChainSumStyle = (typeof CHAIN_SUM_STYLES)[number] | 'other';

const EQUATION = /^-?\d+ [+-] \d+ = -?\d+$/;
const CHECKED_EQUATION = /^check:? .*\d/i;
const GROUP = /^(?:ups|downs)\b/i;
const ANNOUNCEMENT = /^plan\b/i;
const TOTALS = /^-?\d+(?:, ?-?\d+)*,?$/;
const PHRASE = /^[a-z][a-z ,.!?']*$/i;

/**
 * Classifies a solution by the structure of its lines before the box:
 * - `plan`: opens with an announcement;
 * - `check`: equations, some of them checked;
 * - `regroup`: sums of the ups and the downs;
 * - `steps`: nothing but equations of two numbers, one a line;
 * - `terse`: nothing but totals, whatever the opening phrase;
 * - `direct`: a box at once, whatever the opening phrase;
 * - `other`: anything else.
 */
export function classifyStyle(text: string): ChainSumStyle {
  const box = text.lastIndexOf('\\boxed{');
  const lines = (box < 0 ? text : text.slice(0, box))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (ANNOUNCEMENT.test(lines[0] ?? '')) return 'plan';
  if (lines.some((line) => GROUP.test(line))) return 'regroup';
  if (lines.some((line) => CHECKED_EQUATION.test(line))) return 'check';
  if (lines.length > 0 && lines.every((line) => EQUATION.test(line))) return 'steps';
  const work = PHRASE.test(lines[0] ?? '') ? lines.slice(1) : lines;
  if (work.length > 0 && work.every((line) => TOTALS.test(line))) return 'terse';
  if (work.length === 0 && box >= 0) return 'direct';
  return 'other';
}
