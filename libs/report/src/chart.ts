// The chart of arms: one row an arm, a dot for the mean, a line for its interval, small dots for the seeds. Inline SVG.
import { formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import type { Report, ReportedArm } from './schema.ts';

const WIDTH = 720;
const LABEL = 168;
const VALUE = 52;
const ROW = 30;
const TOP = 26;

/** An SVG of every arm's avg on a split; colours come from the page's style sheet. */
export function renderChart(report: Report, split: 'easy' | 'hard'): string {
  const x = scale(
    report.arms.flatMap((arm) => [...arm.eval[split].ci95, ...arm.perSeed.map((run) => run.eval[split].avg)]),
  );
  const height = TOP + report.arms.length * ROW + 8;
  const base = report.arms.find((arm) => arm.name === 'base');
  const grid = x.ticks.map(
    (tick) =>
      `<line class="grid" x1="${x.at(tick)}" x2="${x.at(tick)}" y1="${TOP - 6}" y2="${height - 8}"/>` +
      `<text class="tick" x="${x.at(tick)}" y="${TOP - 12}" text-anchor="middle">${Math.round(tick * 100)} %</text>`,
  );
  const baseLine =
    base === undefined
      ? ''
      : `<line class="base" x1="${x.at(base.eval[split].avg)}" x2="${x.at(base.eval[split].avg)}" y1="${TOP - 6}" y2="${height - 8}"/>`;
  const rows = report.arms.map((arm, index) => row(arm, split, TOP + index * ROW + ROW / 2, x.at));
  return (
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="avg@${report.samples} on ${split} questions, by arm">` +
    `${grid.join('')}${baseLine}${rows.join('')}</svg>`
  );
}

function row(arm: ReportedArm, split: 'easy' | 'hard', y: number, at: (value: number) => number): string {
  const { avg, ci95 } = arm.eval[split];
  const kind = kindOf(arm, split);
  const seeds = arm.perSeed.length > 1 ? arm.perSeed.map((run) => run.eval[split].avg) : [];
  const title = `${arm.name}: ${formatShare(avg)}, 95 % interval ${formatShare(ci95[0])} to ${formatShare(ci95[1])}`;
  return (
    `<g class="${kind}"><title>${escapeHtml(title)}</title>` +
    `<text class="label" x="${LABEL - 12}" y="${y + 4}" text-anchor="end">${escapeHtml(arm.name)}</text>` +
    `<line class="interval" x1="${at(ci95[0])}" x2="${at(ci95[1])}" y1="${y}" y2="${y}"/>` +
    seeds.map((seed) => `<circle class="seed" cx="${at(seed)}" cy="${y}" r="2.5"/>`).join('') +
    `<circle class="mean" cx="${at(avg)}" cy="${y}" r="5.5"/>` +
    `<text class="value" x="${WIDTH - 4}" y="${y + 4}" text-anchor="end">${formatShare(avg)}</text></g>`
  );
}

/** How an arm stands against the base: its interval of the difference lies above zero, below it, or around it. */
export function kindOf(arm: ReportedArm, split: 'easy' | 'hard'): 'better' | 'worse' | 'same' {
  const difference = arm.against['base']?.[split];
  if (difference === undefined) return 'same';
  return difference.ci95[0] > 0 ? 'better' : difference.ci95[1] < 0 ? 'worse' : 'same';
}

function scale(values: readonly number[]): { at: (value: number) => number; ticks: number[] } {
  const step = Math.max(...values) - Math.min(...values) > 0.4 ? 0.2 : 0.1;
  const low = Math.max(0, Math.floor(Math.min(...values) / step) * step);
  const high = Math.min(1, Math.max(low + step, Math.ceil(Math.max(...values) / step) * step));
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) => low + index * step);
  const right = WIDTH - VALUE - 12;
  return {
    at: (value) => Number((LABEL + ((value - low) / (high - low)) * (right - LABEL)).toFixed(1)),
    ticks,
  };
}
