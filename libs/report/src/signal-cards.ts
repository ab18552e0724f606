// Signal cards: for each signal, what to do with it, why, and the figures with their intervals.
import { formatDifference, formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { renderReliabilityDiagram } from './reliability-diagram.ts';
import type { ReportedSignal } from './schema.ts';

type Measured = { value: number; ci95: readonly [number, number] } | null;

const KINDS = { use: 'use', attenuate: 'attenuate', 'do not train': 'refuse' } as const;

/** The cards of all signals. */
export function renderSignalCards(signals: readonly ReportedSignal[]): string {
  return `<div class="cards">\n${signals.map(card).join('\n')}\n</div>`;
}

function card(signal: ReportedSignal): string {
  const { recommendation, reason, judge } = signal;
  const badge =
    recommendation === null
      ? ''
      : `<span class="badge">${recommendation}${recommendation === 'attenuate' && signal.flipRate !== null ? ` by ${formatShare(signal.flipRate.value)}` : ''}</span>`;
  return `<article class="signal${recommendation === null ? '' : ` ${KINDS[recommendation]}`}">
<header><h3>${escapeHtml(signal.name)}</h3><span class="method">${escapeHtml(judge === null ? signal.method : `${signal.method}, judge ${judge}`)}</span>${badge}</header>
${reason === null ? '' : `<p class="reason">${escapeHtml(reason).replaceAll(' %', '&nbsp;%')}</p>`}
${diagram(signal)}
<details><summary>All figures of ${escapeHtml(signal.name)}</summary>
<div class="columns">
${against(signal)}
<div class="column">
${alone(signal)}
${panel(signal)}
</div>
</div>
</details>
</article>`;
}

function against(signal: ReportedSignal): string {
  const pairs = signal.auditedPairs.toLocaleString('en');
  const lines = [
    row(signal.flipRateIsLowerBound ? 'flip rate, at least' : 'flip rate', signal.flipRate),
    row('flip rate, best against the others', signal.bestFlipRate),
    row('flip rate, best against worst', signal.bestWorstFlipRate),
    row('kappa', withEnds(signal.kappa, signal.kappaCi95), formatDifference),
    row('tau', withEnds(signal.tau, signal.tauCi95), formatDifference),
    row('tau given length', signal.partialTau, formatDifference),
    row('accuracy', signal.accuracy),
    row('accuracy, more confident half', signal.confidentAccuracy),
    row('calibration error', signal.calibrationError),
    plain('after temperature', signal.calibratedError),
    plain('calibration error, single verdicts', signal.verdictCalibrationError),
    plain('after Platt', signal.plattCalibratedError),
    plain("stronger judge's own chance errors", signal.auditorNoise),
  ];
  const heading =
    signal.auditedPairs > 0
      ? `Against the stronger judge: ${pairs} pairs${signal.auditedGroups === null ? '' : ` of ${signal.auditedGroups.toLocaleString('en')} groups`}`
      : 'Without an audit';
  return figures(heading, lines);
}

function alone(signal: ReportedSignal): string {
  return figures(`By itself: ${signal.groups.toLocaleString('en')} groups`, [
    row('both orders agree', withEnds(signal.orderConsistency, signal.orderConsistencyCi95)),
    row('position bias', withEnds(signal.positionBias, signal.positionBiasCi95), formatDifference),
    row('ties', signal.tieRate),
    plain('unreadable', signal.unreadable),
    row('circles among triples', withEnds(signal.intransitivity, signal.intransitivityCi95)),
    row('split-half reliability', signal.splitHalfReliability, formatDifference),
    row(
      'correlation with length',
      withEnds(signal.lengthCorrelation, signal.lengthCorrelationCi95),
      formatDifference,
    ),
  ]);
}

/** How much each judge of a panel counts; empty for other signals. */
function panel({ panel }: ReportedSignal): string {
  return figures(
    'By how much its judges count',
    panel.map(({ judge, reliability, pairs }) =>
      line(
        escapeHtml(judge),
        `${formatShare(reliability)} <small>${pairs.toLocaleString('en')} pairs</small>`,
      ),
    ),
  );
}

/** A table of figures; empty without any. */
function figures(heading: string, lines: readonly string[]): string {
  const body = lines.filter((line) => line !== '');
  if (body.length === 0) return '';
  return `<table><caption>${heading}</caption><tbody>\n${body.join('\n')}\n</tbody></table>`;
}

function diagram({ name, reliability, temperature, plattBias, plattSlope }: ReportedSignal): string {
  if (reliability.length === 0) return '';
  const platt =
    plattBias === null || plattSlope === null
      ? ''
      : ` Platt: bias ${plattBias.toFixed(2).replace('-', '−')}, slope ${plattSlope.toFixed(2).replace('-', '−')}.`;
  const caption =
    temperature === null
      ? ''
      : `<figcaption>How sure verdicts are, and how often the stronger judge agrees. Temperature ${temperature.toFixed(2)}.${platt}</figcaption>`;
  return `<figure>${renderReliabilityDiagram(name, reliability)}${caption}</figure>`;
}

function row(label: string, measured: Measured, format = formatShare): string {
  if (measured === null) return '';
  const { value, ci95 } = measured;
  return line(label, `${format(value)} <small>[${format(ci95[0])}, ${format(ci95[1])}]</small>`);
}

function plain(label: string, value: number | null): string {
  return value === null ? '' : line(label, formatShare(value));
}

function line(label: string, value: string): string {
  return `<tr><th scope="row">${label}</th><td>${value}</td></tr>`;
}

/** A figure whose interval, in older reports, may be missing. */
function withEnds(value: number | null, ci95: readonly [number, number] | null): Measured {
  return value === null ? null : { value, ci95: ci95 ?? [value, value] };
}
