// A comparison of runs as text for a terminal.
import type { ComparedCell, ComparedSplit, Comparison } from './comparison.ts';
import { COMPARED_SPLITS, summarisedSettings } from './comparison.ts';
import { formatDifference, formatShare } from './format.ts';
import { formatInterval, formatPValue, judgedP } from './measurement-tables.ts';
import { columns } from './text-columns.ts';

/** Longest value of a setting in a table, characters. */
const VALUE = 48;

/** Tables of arms, of differences, and of settings that differ. */
export function comparisonTable(comparison: Comparison): string {
  const parts = [
    runTable(comparison),
    ...COMPARED_SPLITS.map((split) => `${splitTitle(comparison, split)}\n${armTable(comparison, split)}`),
    notes(comparison),
    settingTable(comparison),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** "hard questions, avg@8 [95 %]; differences from the first run, on the questions that both measured". */
export function splitTitle({ runs, arms }: Comparison, split: ComparedSplit): string {
  const ks = [...new Set(runs.map(({ samples }) => samples))];
  const paired = arms.some(({ cells }) =>
    cells.some((cell) => cell !== null && cell[split].difference !== null),
  );
  const differences = paired
    ? `; differences: from ${runs[0]?.name ?? ''}, on the questions that both measured`
    : '';
  return `${split} questions, avg@${ks.join(' and avg@')} [95 %]${differences}`;
}

function runTable({ runs }: Comparison): string {
  const rows = runs.map(({ name, experiment, model, saturation }) => [
    name,
    experiment,
    model.name,
    model.sha256.slice(0, 12),
    `${saturation.saturated} of ${saturation.questions}`,
  ]);
  return columns(['run', 'experiment', 'model', 'sha256', 'saturated'], rows, 5);
}

/** "+.012 [−.003, +.027] p .13", or nothing where there is no difference. */
export function differenceText({ difference }: ComparedCell): string {
  if (difference === null) return '';
  const [lower, upper] = difference.ci95;
  return `${formatDifference(difference.value)} [${formatDifference(lower)}, ${formatDifference(upper)}] p ${formatPValue(judgedP(difference))}`;
}

function armTable({ runs, arms }: Comparison, split: ComparedSplit): string {
  const isPaired = runs.map((_, index) =>
    arms.some(({ cells }) => (cells[index]?.[split].difference ?? null) !== null),
  );
  const header = runs.flatMap(({ name }, index) =>
    isPaired[index] === true ? [name, `${name} − ${runs[0]?.name ?? ''}`] : [name],
  );
  const rows = arms.map(({ name, cells }) => [
    name,
    ...cells.flatMap((cell, index) => {
      const value =
        cell === null ? '–' : `${formatShare(cell[split].avg)} ${formatInterval(cell[split].ci95)}`;
      return isPaired[index] === true ? [value, cell === null ? '' : differenceText(cell[split])] : [value];
    }),
  ]);
  return columns(['arm', ...header], rows, 1);
}

function notes({ runs, arms, pairings, seed }: Comparison): string {
  const lines = pairings.flatMap(({ run, split, note }) =>
    note === null ? [] : [`${run}, ${split}: ${note}`],
  );
  const paired = arms.some(({ cells }) =>
    cells.some((cell) => cell !== null && COMPARED_SPLITS.some((split) => cell[split].difference !== null)),
  );
  const legend = `Intervals: 95 %, bootstrap over questions, seed ${seed}.`;
  const test = paired
    ? ` p: paired permutation test over questions, adjusted over all arms${runs.length > 2 ? ' and runs' : ''} of a split (Holm).`
    : '';
  return [...lines, `${legend}${test}`].join('\n');
}

function settingTable(comparison: Comparison): string {
  const { runs } = comparison;
  const settings = summarisedSettings(comparison);
  if (settings.length === 0) return 'The configurations are the same.';
  const short = (value: string | null): string =>
    value === null ? '–' : value.length > VALUE ? `${value.slice(0, VALUE - 1)}…` : value;
  return `Settings that differ\n${columns(
    ['key', ...runs.map(({ name }) => name)],
    settings.map(({ key, values }) => [key, ...values.map(short)]),
    1 + runs.length,
  )}`;
}
