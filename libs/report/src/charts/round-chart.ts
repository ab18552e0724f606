// Rounds: a line for each arm from the base, round 0, over its avg on hard questions after each round.
import { formatShare } from '../format.ts';
import type { Report } from '../schema.ts';
import { domainOf } from './arm-chart.ts';
import { draw, legendOf } from './draw.ts';

/** The chart of all arms that have rounds. */
export function roundChart(report: Report): Promise<string> {
  const base = report.arms.find(({ name }) => name === 'base');
  const arms = report.arms.filter(({ rounds }) => rounds !== undefined);
  const values = arms.flatMap((arm) =>
    [...(base === undefined ? [] : [{ round: 0, eval: base.eval }]), ...(arm.rounds ?? [])].map(
      ({ round, eval: { hard } }) => ({
        arm: arm.name,
        round,
        avg: hard.avg,
        lower: hard.ci95[0],
        upper: hard.ci95[1],
      }),
    ),
  );
  const last = Math.max(1, ...values.map(({ round }) => round));
  const label = `avg@${report.samples} on hard questions by round: ${arms
    .map(({ name }) => {
      const own = values.filter(({ arm }) => arm === name);
      return `${name}: ${own.map(({ avg }) => formatShare(avg)).join(', ')}`;
    })
    .join('; ')}`;
  return draw(label, (room) => {
    const x = {
      field: 'round',
      type: 'quantitative' as const,
      title: 'round (0: the base)',
      axis: { values: Array.from({ length: last + 1 }, (_, round) => round), format: 'd', grid: false },
    };
    const color = { field: 'arm', type: 'nominal' as const, sort: null, legend: legendOf(room) };
    const scale = { domain: domainOf(values.flatMap(({ lower, upper }) => [lower, upper])), zero: false };
    const y = {
      field: 'avg',
      type: 'quantitative' as const,
      title: null,
      scale,
      axis: { format: '.0%', grid: true, tickCount: 5 },
    };
    return {
      width: room.width - (room.narrow ? 50 : 60),
      height: room.narrow ? 220 : 260,
      data: { values },
      layer: [
        {
          mark: { type: 'rule' as const, strokeWidth: 2, opacity: 0.35 },
          encoding: { x, y: { ...y, field: 'lower' }, y2: { field: 'upper' }, color },
        },
        { mark: { type: 'line' as const, strokeWidth: 2 }, encoding: { x, y, color } },
        { mark: { type: 'circle' as const, size: 60, opacity: 1 }, encoding: { x, y, color } },
      ],
    };
  });
}
