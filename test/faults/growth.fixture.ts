// Growth: whether what a process uses rises for as long as it works. A line is fitted (least squares) to what was sampled after the first
// part, in which caches fill and code is compiled; its slope times the time that was looked at is the growth.
import type { Vitals } from './vitals.fixture.ts';

/** What may grow at most, over the time that is looked at: noise of the allocator and of what happens to be open. */
export const MOST_GROWTH: Readonly<Record<Exclude<keyof Vitals, 'at'>, number>> = {
  rss: 24,
  heap: 3,
  buffers: 3,
  files: 3,
  threads: 1,
  handles: 4,
};

/** The part that is not looked at. */
const WARM_UP = 0.3;

/** What a process came to. */
export interface Growth {
  readonly what: Exclude<keyof Vitals, 'at'>;
  /** At the start and at the end of the fitted line. */
  readonly from: number;
  readonly to: number;
  readonly tooMuch: boolean;
}

/** The growth of everything that was sampled. */
export function growthOf(samples: readonly Vitals[]): Growth[] {
  const last = samples.at(-1)?.at ?? 0;
  const steady = samples.filter(({ at }) => at >= WARM_UP * last);
  return (['rss', 'heap', 'buffers', 'files', 'threads', 'handles'] as const).map((what) => {
    const { from, to } = line(steady.map((sample) => [sample.at, sample[what]]));
    return { what, from, to, tooMuch: to - from > MOST_GROWTH[what] };
  });
}

/** The values of a fitted line at the first and at the last point. */
export function line(points: readonly (readonly [number, number])[]): { from: number; to: number } {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const spread = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  const slope =
    spread === 0 ? 0 : points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / spread;
  const at = (place: number): number => y + slope * (place - x);
  return { from: at(points[0]?.[0] ?? x), to: at(points.at(-1)?.[0] ?? x) };
}
