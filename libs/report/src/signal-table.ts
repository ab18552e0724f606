// The signals as text for a terminal: their figures, and what to do with each.
import { formatDifference, formatShare } from './format.ts';
import type { ReportedSignal } from './schema.ts';
import { columns } from './text-columns.ts';

/** A table of the signals, and under it a line for each with its recommendation and the reason. */
export function signalTable(signals: readonly ReportedSignal[]): string {
  const optional = (value: number | null, format = formatShare): string =>
    value === null ? '–' : format(value);
  const rows = signals.map((signal) => [
    signal.name,
    signal.judge === null ? signal.method : `${signal.method} (${signal.judge})`,
    optional(signal.kappa),
    optional(signal.tau),
    signal.flipRate === null
      ? '–'
      : `${signal.flipRateIsLowerBound ? '≥ ' : ''}${formatShare(signal.flipRate.value)}`,
    optional(signal.orderConsistency),
    optional(signal.positionBias, formatDifference),
    formatDifference(signal.lengthCorrelation),
    signal.recommendation ?? '–',
  ]);
  const table = columns(
    [
      'signal',
      'method',
      'kappa',
      'tau',
      'flip rate',
      'both orders agree',
      'position bias',
      'with length',
      'recommendation',
    ],
    rows,
    2,
  );
  const reasons = signals.flatMap(({ name, recommendation, reason }) =>
    recommendation === null || reason === null ? [] : [`${name}: ${recommendation}. ${reason}`],
  );
  return [table, ...reasons].join('\n');
}
