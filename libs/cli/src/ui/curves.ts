// Curves of trainings as SVG: one metric over the steps, the training that matters drawn over others that are like it.
import { escapeHtml } from '@overtone/report';
import type { FollowedTraining } from './run-follower.ts';

const WIDTH = 320;
const HEIGHT = 150;
const LEFT = 44;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 6;

type Point = readonly [step: number, value: number];

/** A metric's values over the steps; steps without one are left out. */
export function pointsOf({ points }: FollowedTraining, metric: string): Point[] {
  return points.flatMap(({ step, values }) => {
    const value = values[metric];
    return typeof value === 'number' ? [[step, value] as const] : [];
  });
}

/** A chart of a metric; empty where the training has less than two values. */
export function curveChart(
  metric: string,
  training: FollowedTraining,
  others: readonly FollowedTraining[],
): string {
  const own = pointsOf(training, metric);
  const first = own[0];
  const last = own.at(-1);
  if (first === undefined || last === undefined || own.length < 2) return '';
  const faint = others.map((other) => pointsOf(other, metric)).filter((points) => points.length > 1);
  const all = [own, ...faint].flat();
  const values = all.map(([, value]) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const end = Math.max(training.steps, ...all.map(([step]) => step));
  const x = (step: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * step) / end;
  const y = (value: number): number =>
    TOP + (HEIGHT - TOP - BOTTOM) * (high === low ? 0.5 : (high - value) / (high - low));
  const line = (points: readonly Point[]): string =>
    points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const label = `${metric} of ${training.job}: from ${short(first[1])} at step ${first[0]} to ${short(last[1])} at step ${last[0]} of ${training.steps}; between ${short(low)} and ${short(high)} in all trainings shown`;
  return `<figure><figcaption>${escapeHtml(metric)} <b>${short(last[1])}</b></figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}"><path class="grid" d="M${LEFT} ${TOP}H${WIDTH - RIGHT}M${LEFT} ${HEIGHT - BOTTOM}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 5}" y="${TOP + 4}" text-anchor="end">${short(high)}</text><text class="tick" x="${LEFT - 5}" y="${HEIGHT - BOTTOM + 4}" text-anchor="end">${short(low)}</text><text class="tick" x="${LEFT}" y="${HEIGHT - 5}">0</text><text class="tick" x="${WIDTH - RIGHT}" y="${HEIGHT - 5}" text-anchor="end">step ${end}</text>${faint
    .map((points) => `<polyline class="faint" points="${line(points)}"/>`)
    .join(
      '',
    )}<polyline class="own" points="${line(own)}"/><circle class="end" cx="${x(last[0]).toFixed(1)}" cy="${y(last[1]).toFixed(1)}" r="3"/></svg></figure>`;
}

const SPARK = 30;

/** A curve the size of a word; empty where there are less than two values. */
export function sparkline(training: FollowedTraining, metric: string): string {
  const points = pointsOf(training, metric);
  if (points.length < 2) return '';
  const every = Math.ceil(points.length / SPARK);
  const kept = points.filter((_, index) => index % every === 0 || index === points.length - 1);
  const values = kept.map(([, value]) => value);
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const end = Math.max(training.steps, points.at(-1)?.[0] ?? 1);
  const line = kept.map(
    ([step, value]) => `${((80 * step) / end).toFixed(1)},${(17 - (14 * (value - low)) / range).toFixed(1)}`,
  );
  return `<svg class="spark" viewBox="0 0 80 20" aria-hidden="true"><polyline class="own" points="${line.join(' ')}"/></svg>`;
}

/** A number in about three digits. */
export function short(value: number): string {
  const text =
    value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e5)
      ? value.toExponential(1)
      : String(Number(value.toPrecision(3)));
  return text.replaceAll('-', '−');
}
