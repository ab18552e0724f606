// Fidelity against gain: how far each signal agrees with the stronger judge, and what its arms bought on hard questions.
import { formatDifference, formatShare } from '../format.ts';
import type { Report } from '../schema.ts';
import { draw, legendOf } from './draw.ts';

/** The chart; "" where no signal was held against a stronger judge, or no arm was trained on one that was. */
export async function gainChart(report: Report): Promise<string> {
  const signals = new Map(report.signals.map((signal) => [signal.name, signal]));
  const values = report.arms.flatMap((arm) => {
    const signal = arm.signal === null ? undefined : signals.get(arm.signal);
    const gain = arm.against['base']?.hard;
    if (signal === undefined || signal.kappa === null || gain === undefined) return [];
    const [left, right] = signal.kappaCi95 ?? [signal.kappa, signal.kappa];
    return [
      {
        arm: arm.name,
        signal: signal.name,
        objective: arm.objective ?? '',
        kappa: signal.kappa,
        left,
        right,
        gain: gain.value,
        lower: gain.ci95[0],
        upper: gain.ci95[1],
      },
    ];
  });
  if (values.length === 0) return '';
  const label = `Agreement of each signal with the stronger judge against the gain of its arms: ${values
    .map(({ arm, kappa, gain }) => `${arm}: kappa ${formatShare(kappa)}, ${formatDifference(gain)}`)
    .join('; ')}`;
  const names = report.signals
    .map(({ name }) => name)
    .filter((name) => values.some(({ signal }) => signal === name));
  return draw(label, (room) => {
    const legend = legendOf(room);
    const color = {
      field: 'signal',
      type: 'nominal' as const,
      sort: names,
      scale: { domain: names },
      legend: { ...legend, title: 'signal' },
    };
    const x = {
      field: 'kappa',
      type: 'quantitative' as const,
      title: 'κ with the stronger judge',
      scale: { zero: false, nice: true },
      axis: { grid: true, tickCount: room.narrow ? 4 : 8 },
    };
    const y = {
      field: 'gain',
      type: 'quantitative' as const,
      title: 'gain on hard questions, points',
      axis: { labelExpr: "format(datum.value * 100, '+.0f')", grid: true },
    };
    const opacity = 0.4;
    return {
      width: room.width - (room.narrow ? 60 : 80),
      height: room.narrow ? 260 : 320,
      data: { values },
      layer: [
        {
          data: { values: [{ zero: 0 }] },
          mark: { type: 'rule' as const, strokeDash: [4, 4], color: 'var(--soft)' },
          encoding: { y: { field: 'zero', type: 'quantitative' as const } },
        },
        {
          mark: { type: 'rule' as const, strokeWidth: 2, opacity },
          encoding: { x, y: { ...y, field: 'lower' }, y2: { field: 'upper' }, color },
        },
        {
          mark: { type: 'rule' as const, strokeWidth: 2, opacity },
          encoding: { x: { ...x, field: 'left' }, x2: { field: 'right' }, y, color },
        },
        {
          mark: { type: 'point' as const, filled: true, size: 110, opacity: 1 },
          encoding: {
            x,
            y,
            color,
            shape: {
              field: 'objective',
              type: 'nominal' as const,
              legend: {
                ...legend,
                title: 'objective',
                symbolFillColor: 'var(--soft)',
                symbolStrokeColor: 'var(--soft)',
              },
            },
          },
        },
      ],
    };
  });
}
