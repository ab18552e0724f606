// The reliability diagram: how often a judge is right, by how sure it is. On the diagonal, what it says is what it is worth;
// below it, it is too sure. Inline SVG.
import { formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import type { ReportedReliabilityBin } from './schema.ts';

const SIZE = 272;
const LEFT = 58;
const BOTTOM = 36;
const EDGE = 20;

/** An SVG of a signal's bins; colours come from the page's style sheet. */
export function renderReliabilityDiagram(name: string, bins: readonly ReportedReliabilityBin[]): string {
  // A judge that is right less often than not needs the lower half, too.
  const floor = bins.some(({ accuracy }) => accuracy < 0.5) ? 0 : 0.5;
  const x = (share: number): number => round(LEFT + ((share - 0.5) / 0.5) * (SIZE - LEFT - EDGE));
  const y = (share: number): number =>
    round(SIZE - BOTTOM - ((share - floor) / (1 - floor)) * (SIZE - BOTTOM - EDGE));
  const most = Math.max(...bins.map(({ pairs }) => pairs));
  const grid = ticks(0.5, 0.1).map(
    (tick) =>
      `<text class="axis" x="${x(tick)}" y="${SIZE - BOTTOM + 18}" text-anchor="middle">${percent(tick)}</text>`,
  );
  const levels = ticks(floor, floor === 0 ? 0.25 : 0.1).map(
    (tick) =>
      `<line class="grid" x1="${x(0.5)}" x2="${x(1)}" y1="${y(tick)}" y2="${y(tick)}"/>` +
      `<text class="axis" x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${percent(tick)}</text>`,
  );
  const points = bins.map(({ pairs, confidence, accuracy }) => {
    const title = `${pairs.toLocaleString('en')} pairs: ${formatShare(confidence)} sure, ${formatShare(accuracy)} right`;
    return (
      `<g><title>${title}</title>` +
      `<line class="gap" x1="${x(confidence)}" x2="${x(confidence)}" y1="${y(confidence)}" y2="${y(accuracy)}"/>` +
      `<circle class="bin" cx="${x(confidence)}" cy="${y(accuracy)}" r="${round(2.5 + 5.5 * Math.sqrt(pairs / most))}"/></g>`
    );
  });
  const summary = bins
    .map(({ confidence, accuracy }) => `${percent(confidence)} sure, ${percent(accuracy)} right`)
    .join('; ');
  return (
    `<svg class="diagram" viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="Reliability diagram of ${escapeHtml(name)}: ${summary}">` +
    `${grid.join('')}${levels.join('')}` +
    `<line class="ideal" x1="${x(0.5)}" y1="${y(0.5)}" x2="${x(1)}" y2="${y(1)}"/>${points.join('')}` +
    `<text class="axis" x="${x(0.75)}" y="${SIZE - 3}" text-anchor="middle">how sure</text>` +
    `<text class="axis" transform="translate(9 ${y((1 + floor) / 2)}) rotate(-90)" text-anchor="middle">how often right</text></svg>`
  );
}

function ticks(from: number, step: number): number[] {
  return Array.from({ length: Math.round((1 - from) / step) + 1 }, (_, index) => from + index * step);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function round(pixels: number): number {
  return Number(pixels.toFixed(1));
}
