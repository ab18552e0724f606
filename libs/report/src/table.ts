// The report as text for a terminal: saturation, signals, judges, arms, timings.
import { formatDifference, formatSeconds, formatShare } from './format.ts';
import { judgeTable } from './judge-table.ts';
import type { Report, ReportedArm } from './schema.ts';
import { signalTable } from './signal-table.ts';
import { columns } from './text-columns.ts';

/** The report as lines of text, tables at most about 130 columns wide. */
export function renderTable(report: Report): string {
  const { questions, saturated, accuracy } = report.saturation;
  const parts = [
    `${report.name}: ${report.model.name}, ${formatCount(report.model.parameters)} parameters`,
    `Saturated: ${saturated} of ${questions} training questions (mean accuracy ${formatShare(accuracy)})`,
  ];
  if (report.signals.length > 0) parts.push(signalTable(report.signals));
  if (report.judges.length > 0) parts.push(judgeTable(report.judges));
  parts.push(armTable(report), timingLine(report));
  return `${parts.join('\n\n')}\n`;
}

function armTable(report: Report): string {
  const hasSft = report.arms.some((arm) => 'sft/random' in arm.against);
  const rows = report.arms.map((arm) => [
    arm.name,
    `${formatShare(arm.eval.easy.avg)} ${formatInterval(arm.eval.easy.ci95)}`,
    `${formatShare(arm.eval.hard.avg)} ${formatInterval(arm.eval.hard.ci95)}`,
    formatShare(arm.eval.hard.pass),
    against(arm, 'base'),
    ...(hasSft ? [against(arm, 'sft/random')] : []),
    arm.seeds.length > 1 ? seedRange(arm) : '',
  ]);
  const k = report.samples;
  const header = [
    'arm',
    `easy avg@${k}`,
    `hard avg@${k}`,
    `pass@${k}`,
    'hard − base',
    ...(hasSft ? ['− sft/random'] : []),
  ];
  return columns([...header, 'seeds'], rows, 1);
}

function against(arm: ReportedArm, reference: string): string {
  const difference = arm.against[reference]?.hard;
  if (difference === undefined) return '';
  return `${formatDifference(difference.value)}${difference.pValue < 0.001 ? ' ***' : difference.pValue < 0.05 ? ' *' : ''}`;
}

function seedRange(arm: ReportedArm): string {
  const values = arm.perSeed.map((seed) => seed.eval.hard.avg);
  return `${arm.seeds.length}: ${formatShare(Math.min(...values))}–${formatShare(Math.max(...values))}`;
}

function formatInterval([lower, upper]: readonly [number, number]): string {
  return `[${formatShare(lower)}, ${formatShare(upper)}]`;
}

function timingLine(report: Report): string {
  const stages = Object.entries(report.timings).filter(([, seconds]) => seconds >= 0.05);
  const legend =
    '* p < .05, *** p < .001: paired permutation test over questions. Intervals: 95 %, bootstrap over questions.';
  return `${legend}\nAt work: ${stages.map(([stage, seconds]) => `${stage} ${formatSeconds(seconds)}`).join(' · ')}`;
}

function formatCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(2)} M` : count.toLocaleString('en');
}
