// Measurements as tables for a terminal: metrics, differences, difficulties, styles.
import { formatDifference, formatShare } from './format.ts';
import type { Measurements } from './measure.ts';
import type { Accuracy, ReportedDifference } from './measurement-schema.ts';
import { columns } from './text-columns.ts';

/** What was measured of a system, and what it is called. */
export interface NamedMeasurements extends Measurements {
  readonly name: string;
}

/** "[.448, .542]". */
export function formatInterval([lower, upper]: readonly [number, number]): string {
  return `[${formatShare(lower)}, ${formatShare(upper)}]`;
}

/** The p-value to judge a difference by: the adjusted one, where there is one. */
export function judgedP({ pHolm, pValue }: ReportedDifference): number {
  return pHolm ?? pValue;
}

/** "<.001" or ".034". */
export function formatPValue(value: number): string {
  return value < 0.001 ? '<.001' : formatShare(value);
}

/** Questions that would be needed to see a difference that was not seen: "1,450"; "" where it was seen, or nothing is there to see. */
export function formatNeeded(difference: ReportedDifference): string {
  const needed = difference.power?.questionsNeeded ?? null;
  if (judgedP(difference) < 0.05 || needed === null) return '';
  return needed >= 1e6 ? '>1 M' : needed.toLocaleString('en');
}

/** The metrics of several systems. */
export function systemTable(systems: readonly NamedMeasurements[]): string {
  const k = systems[0]?.accuracy.atK.at(-1)?.k ?? 0;
  const rows = systems.map(({ name, accuracy }) => [name, ...metricCells(accuracy)]);
  return columns(['', ...metricHeader(k)], rows, 1);
}

/** The curve of pass@k and maj@k: one line a system and metric; "" where there is one k alone. */
export function curveTable(systems: readonly NamedMeasurements[]): string {
  const ks = systems[0]?.accuracy.atK.map(({ k }) => k) ?? [];
  if (ks.length < 2) return '';
  const row = (name: string, values: readonly (number | null)[]): string[] => [
    name,
    ...values.map((value) => (value === null ? '–' : formatShare(value))),
  ];
  const rows = systems.flatMap(({ name, accuracy: { atK } }) => [
    row(
      `${name}: pass@k`,
      atK.map(({ pass }) => pass),
    ),
    row(
      `${name === '' ? '' : ' '.repeat(name.length + 2)}maj@k`,
      atK.map(({ maj }) => maj),
    ),
  ]);
  return columns(['', ...ks.map((k) => `k = ${k}`)], rows, 1);
}

/** The metrics of each system by difficulty. */
export function levelTable(systems: readonly NamedMeasurements[]): string {
  const k = systems[0]?.accuracy.atK.at(-1)?.k ?? 0;
  const rows = systems.flatMap(({ name, levels }) =>
    levels.map((level, index) => [
      index === 0 ? name : '',
      level.difficulty === '' ? '–' : level.difficulty,
      String(level.questions),
      ...metricCells(level),
    ]),
  );
  return columns(['', 'difficulty', 'questions', ...metricHeader(k)], rows, 2);
}

/** How often each system uses each style, and how often it is right with it. */
export function styleTable(systems: readonly NamedMeasurements[]): string {
  const styles = systems[0]?.styles.map(({ style }) => style) ?? [];
  const rows = systems.map(({ name, styles: uses }) => [
    name,
    ...styles.map((style) => {
      const use = uses.find((each) => each.style === style);
      if (use === undefined || use.share.value === 0) return '–';
      return `${(use.share.value * 100).toFixed(0)} %${use.avg === null ? '' : ` ${formatShare(use.avg.value)}`}`;
    }),
  ]);
  return columns(['share, accuracy', ...styles], rows, 1);
}

/** Paired differences of the systems, over all questions. */
export function differenceTable(systems: readonly NamedMeasurements[]): string {
  const rows = systems.flatMap(({ name, against }) =>
    Object.entries(against).map(([other, difference]) => {
      const { mcnemar } = difference;
      return [
        name,
        `− ${other}`,
        formatDifference(difference.value),
        `[${difference.ci95.map(formatDifference).join(', ')}]`,
        formatPValue(judgedP(difference)),
        mcnemar === null ? '' : `+${mcnemar.gained} −${mcnemar.lost}`,
        mcnemar === null ? '' : formatPValue(mcnemar.pHolm ?? mcnemar.pValue),
        formatNeeded(difference),
      ];
    }),
  );
  return columns(['', '', 'difference', '95 %', 'p', 'solved', 'McNemar', 'needs'], rows, 2);
}

function metricHeader(k: number): string[] {
  return [`avg@${k} [95 %]`, `pass@${k}`, `maj@${k}`, 'tokens', 'truncated', 'no answer'];
}

type Metrics = Omit<Accuracy, 'seedDeviation'>;

function metricCells({ avg, ci95, pass, maj, meanTokens, truncated, unanswered }: Metrics): string[] {
  return [
    `${formatShare(avg)} ${formatInterval(ci95)}`,
    formatShare(pass),
    maj === null ? '–' : formatShare(maj),
    meanTokens === null ? '–' : meanTokens.value.toFixed(1),
    ...[truncated, unanswered].map((rate) => (rate === null ? '–' : `${(rate.value * 100).toFixed(1)} %`)),
  ];
}
