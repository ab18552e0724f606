// How the mix of solution styles moved: for every arm the shares of its samples on hard questions.
import { formatShare } from '../format.ts';
import type { Report } from '../schema.ts';
import { draw, legendOf } from './draw.ts';

/** The chart; "" where the task has no styles. */
export async function styleChart({ arms }: Report): Promise<string> {
  const values = arms.flatMap((arm) =>
    arm.styles.flatMap(({ split, style, share }) =>
      split === 'hard' ? [{ arm: arm.name, style, share: share.value }] : [],
    ),
  );
  if (values.length === 0) return '';
  const order = arms.map(({ name }) => name);
  const styles = [...new Set(values.map(({ style }) => style))];
  const label = `Shares of solution styles on hard questions: ${arms
    .map(
      (arm) =>
        `${arm.name}: ${values
          .filter((own) => own.arm === arm.name && own.share >= 0.005)
          .map(({ style, share }) => `${style} ${formatShare(share)}`)
          .join(', ')}`,
    )
    .join('; ')}`;
  return draw(label, (room) => ({
    width: room.width - (room.narrow ? 130 : 160),
    height: { step: room.narrow ? 20 : 24 },
    data: { values: values.map((value) => ({ ...value, rank: styles.indexOf(value.style) })) },
    mark: { type: 'bar', height: { band: 0.78 }, stroke: 'var(--card)', strokeWidth: 1 },
    encoding: {
      y: { field: 'arm', type: 'nominal', sort: order, title: null },
      x: {
        field: 'share',
        type: 'quantitative',
        title: null,
        axis: { format: '.0%', grid: false, tickCount: 5 },
        scale: { domain: [0, 1] },
      },
      color: {
        field: 'style',
        type: 'nominal',
        sort: styles,
        scale: { domain: styles },
        legend: legendOf(room),
      },
      order: { field: 'rank', type: 'quantitative' },
    },
  }));
}
