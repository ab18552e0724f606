// The report as text for a terminal: saturation, signals, judges, arms, timings.
import { formatDifference, formatSeconds, formatShare } from './format.ts';
import { judgeTable } from './judge-table.ts';
import { formatInterval, formatNeeded, formatPValue, judgedP } from './measurement-tables.ts';
import { hasRounds, roundTable } from './rounds.ts';
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
  parts.push(armTable(report));
  if (hasRounds(report)) parts.push(roundTable(report));
  parts.push(timingLine(report));
  return `${parts.join('\n\n')}\n`;
}

function armTable(report: Report): string {
  // Plain SFT, where there is one.
  const [sft] = report.arms.flatMap((arm) => Object.keys(arm.against)).filter((name) => name !== 'base');
  const rows = report.arms.map((arm) => [
    arm.name,
    `${formatShare(arm.eval.easy.avg)} ${formatInterval(arm.eval.easy.ci95)}`,
    `${formatShare(arm.eval.hard.avg)} ${formatInterval(arm.eval.hard.ci95)}`,
    formatShare(arm.eval.hard.pass),
    ...(report.statistics === null
      ? []
      : [arm.eval.hard.maj === null ? '–' : formatShare(arm.eval.hard.maj)]),
    ...against(arm, 'base'),
    ...(sft === undefined ? [] : against(arm, sft)),
    arm.seeds.length > 1 ? seedRange(arm) : '',
  ]);
  const k = report.samples;
  const header = [
    'arm',
    `easy avg@${k}`,
    `hard avg@${k}`,
    `pass@${k}`,
    ...(report.statistics === null ? [] : [`maj@${k}`]),
    'hard − base',
    'p',
    'needs',
    ...(sft === undefined ? [] : [`− ${sft}`, 'p', 'needs']),
  ];
  const titles = [...header, 'seeds'];
  // What no arm has says nothing.
  const said = titles.map((_, at) => rows.some((row) => row[at] !== ''));
  const those = (cells: readonly string[]) => cells.filter((_, at) => said[at]);
  return columns(those(titles), rows.map(those), 1);
}

/** The difference, how sure it is, and how many questions would make it so. */
function against(arm: ReportedArm, reference: string): string[] {
  const difference = arm.against[reference]?.hard;
  if (difference === undefined) return ['', '', ''];
  return [formatDifference(difference.value), formatPValue(judgedP(difference)), formatNeeded(difference)];
}

function seedRange(arm: ReportedArm): string {
  const values = arm.perSeed.map((seed) => seed.eval.hard.avg);
  return `${arm.seeds.length}: ${formatShare(Math.min(...values))}–${formatShare(Math.max(...values))}`;
}

function timingLine(report: Report): string {
  const stages = Object.entries(report.timings).filter(([, seconds]) => seconds >= 0.05);
  const adjusted =
    report.statistics === null
      ? 'p: paired permutation test over questions.'
      : 'p: paired permutation test over questions, adjusted over all arms (Holm). needs: questions after which a gain like the one measured would be\nseen (power .8); none where it was.';
  const legend = `${adjusted} Intervals: 95 %, bootstrap over questions.`;
  return `${legend}\nAt work: ${stages.map(([stage, seconds]) => `${stage} ${formatSeconds(seconds)}`).join(' · ')}`;
}

function formatCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(2)} M` : count.toLocaleString('en');
}
