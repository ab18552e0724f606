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
    flipRate(signal),
    optional(signal.bestFlipRate?.value ?? null),
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
      'of the best',
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
  const panels = signals.flatMap(({ name, panel }) =>
    panel.length === 0
      ? []
      : [
          `${name}: its judges count ${panel.map(({ judge, reliability }) => `${judge} ${formatShare(reliability)}`).join(', ')}`,
        ],
  );
  return [table, ...reasons, ...panels].join('\n');
}

/** Without an audit it is the least that the signal's contradictions leave possible, which may say nothing. */
function flipRate({ flipRate, flipRateIsLowerBound }: ReportedSignal): string {
  if (flipRate === null || (flipRateIsLowerBound && flipRate.value < 0.0005)) return '–';
  return `${flipRateIsLowerBound ? '≥ ' : ''}${formatShare(flipRate.value)}`;
}
