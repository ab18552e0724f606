// The chart of rounds: a line for each arm from the base, round 0, over its avg on hard questions after each round. Inline SVG.
import { kindOf } from './chart.ts';
import { formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import type { Report, ReportedArm } from './schema.ts';

const WIDTH = 720;
const HEIGHT = 260;
const LEFT = 52;
/** Room for the names at the lines' ends. */
const NAMES = 190;
const TOP = 16;
const BOTTOM = 34;
/** Least distance of two names. */
const LINE = 16;

interface Point {
  readonly round: number;
  readonly avg: number;
  readonly interval: readonly [number, number];
}

/** An SVG of all arms that have rounds; colours come from the page's style sheet. */
export function renderRoundChart(report: Report): string {
  const base = report.arms.find(({ name }) => name === 'base');
  const arms = report.arms
    .filter(({ rounds }) => rounds !== undefined)
    .map((arm) => ({ arm, points: pointsOf(arm, base) }))
    .sort((left, right) => (right.points.at(-1)?.avg ?? 0) - (left.points.at(-1)?.avg ?? 0));
  const points = arms.flatMap(({ points }) => points);
  const last = Math.max(1, ...points.map(({ round }) => round));
  const values = points.flatMap(({ interval }) => interval);
  const low = Math.max(0, Math.floor(Math.min(...values) * 10) / 10);
  const high = Math.min(1, Math.ceil(Math.max(...values) * 10) / 10);
  const x = (round: number): number => Number((LEFT + (round / last) * (WIDTH - LEFT - NAMES)).toFixed(1));
  const y = (avg: number): number =>
    Number((TOP + ((high - avg) / Math.max(high - low, 0.1)) * (HEIGHT - TOP - BOTTOM)).toFixed(1));
  const ticks = Array.from({ length: Math.round((high - low) * 10) + 1 }, (_, index) => low + index / 10);
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - NAMES}" y1="${y(tick)}" y2="${y(tick)}"/>` +
      `<text class="tick" x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${Math.round(tick * 100)} %</text>`,
  );
  const rounds = Array.from(
    { length: last + 1 },
    (_, round) =>
      `<text class="tick" x="${x(round)}" y="${HEIGHT - 10}" text-anchor="middle">${round === 0 ? 'base' : `round ${round}`}</text>`,
  );
  let free = -Infinity;
  const lines = arms.map(({ arm, points }) => {
    const end = points.at(-1);
    const label = Math.max(y(end?.avg ?? 0) + 4, free + LINE);
    free = label;
    return line(arm, points, x, y, label);
  });
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="avg@${report.samples} on hard questions, by round">` +
    `${grid.join('')}${rounds.join('')}${lines.join('')}</svg>`
  );
}

function pointsOf({ rounds = [] }: ReportedArm, base: ReportedArm | undefined): Point[] {
  const start = base === undefined ? [] : [{ round: 0, eval: base.eval }];
  return [...start, ...rounds].map(({ round, eval: { hard } }) => ({
    round,
    avg: hard.avg,
    interval: hard.ci95,
  }));
}

function line(
  arm: ReportedArm,
  points: readonly Point[],
  x: (round: number) => number,
  y: (avg: number) => number,
  label: number,
): string {
  const title = `${arm.name}: ${points.map(({ avg }) => formatShare(avg)).join(', ')}`;
  return (
    `<g class="${kindOf(arm, 'hard')}"><title>${escapeHtml(title)}</title>` +
    `<polyline class="rounds" points="${points.map(({ round, avg }) => `${x(round)},${y(avg)}`).join(' ')}"/>` +
    points
      .map(
        ({ round, avg, interval: [lower, upper] }) =>
          `<line class="interval" x1="${x(round)}" x2="${x(round)}" y1="${y(lower)}" y2="${y(upper)}"/>` +
          `<circle cx="${x(round)}" cy="${y(avg)}" r="4.5"/>`,
      )
      .join('') +
    `<text x="${x(points.at(-1)?.round ?? 0) + 12}" y="${label}">${escapeHtml(arm.name)} <tspan class="value">${formatShare(points.at(-1)?.avg ?? 0)}</tspan></text></g>`
  );
}
