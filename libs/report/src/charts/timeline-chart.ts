// When which stage was at work, from the trace.
import { formatSeconds } from '../format.ts';
import type { BusySpan } from '../page-material.ts';
import { draw } from './draw.ts';

/** The chart; "" without anything. */
export async function timelineChart(spans: readonly BusySpan[]): Promise<string> {
  if (spans.length === 0) return '';
  const lanes = Map.groupBy(spans, ({ lane }) => lane);
  const order = Array.from(lanes, ([lane, own]) => ({
    lane,
    start: Math.min(...own.map(({ start }) => start)),
  }))
    .sort((left, right) => left.start - right.start)
    .map(({ lane }) => lane);
  const whole = Math.max(...spans.map(({ end }) => end));
  const [by, unit] = whole > 7200 ? [3600, 'h'] : whole > 300 ? [60, 'min'] : [1, 's'];
  const values = spans.map(({ lane, start, end }) => ({
    lane,
    // What is shorter than a pixel is seen all the same.
    start: start / by,
    end: Math.max(end, start + whole / 400) / by,
  }));
  const label = `When each stage was at work: ${order
    .map((lane) => {
      const own = lanes.get(lane) ?? [];
      const end = Math.max(...own.map((span) => span.end));
      return `${lane} from ${formatSeconds(own[0]?.start ?? 0)} to ${formatSeconds(end)}`;
    })
    .join('; ')}`;
  return draw(label, (room) => ({
    width: room.width - (room.narrow ? 130 : 160),
    height: { step: room.narrow ? 20 : 24 },
    data: { values },
    mark: { type: 'bar', height: { band: 0.7 }, color: 'var(--same)', cornerRadius: 2 },
    encoding: {
      y: { field: 'lane', type: 'nominal', sort: order, title: null },
      x: {
        field: 'start',
        type: 'quantitative',
        title: `${unit} since the start`,
        axis: { grid: true, tickCount: room.narrow ? 4 : 8 },
      },
      x2: { field: 'end' },
    },
  }));
}
