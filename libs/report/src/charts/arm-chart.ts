// Arms and their intervals: one row an arm, a dot for the mean, a line for its interval, small dots for the seeds; on all questions of a
// split, and difficulty by difficulty.
import { formatShare } from '../format.ts';
import type { Report } from '../schema.ts';
import { KIND_SCALE, kindOf, kindOfDifference } from './arm-kind.ts';
import { draw } from './draw.ts';

type Split = 'easy' | 'hard';

/** Every arm's avg on a split. */
export function armChart(report: Report, split: Split): Promise<string> {
  const order = report.arms.map(({ name }) => name);
  const means = report.arms.map((arm) => {
    const { avg, ci95 } = arm.eval[split];
    return {
      arm: arm.name,
      avg,
      lower: ci95[0],
      upper: ci95[1],
      kind: kindOf(arm, split),
      text: formatShare(avg),
    };
  });
  const seeds = report.arms.flatMap((arm) =>
    arm.perSeed.length < 2 ? [] : arm.perSeed.map((run) => ({ arm: arm.name, seed: run.eval[split].avg })),
  );
  const base = means.find(({ arm }) => arm === 'base');
  const label = `avg@${report.samples} on ${split} questions by arm: ${means
    .map(({ arm, text, lower, upper }) => `${arm} ${text} (${formatShare(lower)} to ${formatShare(upper)})`)
    .join('; ')}`;
  const values = [...means.flatMap(({ lower, upper }) => [lower, upper]), ...seeds.map(({ seed }) => seed)];
  const domain = domainOf(values);
  const y = { field: 'arm', type: 'nominal' as const, sort: order, title: null };
  const color = { field: 'kind', type: 'nominal' as const, scale: KIND_SCALE, legend: null };
  return draw(label, ({ narrow, width }) => ({
    width: width - (narrow ? 150 : 200),
    height: { step: narrow ? 24 : 28 },
    layer: [
      ...(base === undefined
        ? []
        : [
            {
              data: { values: [{ at: base.avg }] },
              mark: { type: 'rule' as const, strokeDash: [4, 4], color: 'var(--soft)' },
              encoding: { x: { field: 'at', type: 'quantitative' as const } },
            },
          ]),
      {
        data: { values: means },
        mark: { type: 'rule' as const, strokeWidth: 3, opacity: 0.45, strokeCap: 'round' as const },
        encoding: {
          y,
          color,
          x: {
            field: 'lower',
            type: 'quantitative' as const,
            title: null,
            scale: { domain, nice: false, zero: false },
            axis: { format: '.0%', orient: 'top' as const, tickCount: narrow ? 4 : 7 },
          },
          x2: { field: 'upper' },
        },
      },
      {
        data: { values: seeds },
        mark: { type: 'circle' as const, size: 16, opacity: 0.6, color: 'var(--soft)' },
        encoding: { y, x: { field: 'seed', type: 'quantitative' as const } },
      },
      {
        data: { values: means },
        mark: { type: 'circle' as const, size: 110, opacity: 1 },
        encoding: { y, color, x: { field: 'avg', type: 'quantitative' as const } },
      },
      {
        data: { values: means },
        mark: {
          type: 'text' as const,
          align: 'left' as const,
          dx: 8,
          fontWeight: 600 as const,
          fontSize: 12,
        },
        encoding: {
          y,
          x: { value: 'width' as const },
          text: { field: 'text', type: 'nominal' as const },
        },
      },
    ],
  }));
}

/** Every arm's avg at every difficulty. */
export function levelChart(report: Report): Promise<string> {
  const order = report.arms.map(({ name }) => name);
  const questions = new Map(report.arms[0]?.levels.map((level) => [nameOf(level), level.questions]));
  const titles = [...questions].map(([name, count]) => `${name} (${count})`);
  const values = report.arms.flatMap((arm) =>
    arm.levels.map((level) => ({
      arm: arm.name,
      level: `${nameOf(level)} (${questions.get(nameOf(level)) ?? level.questions})`,
      avg: level.avg,
      lower: level.ci95?.[0] ?? level.avg,
      upper: level.ci95?.[1] ?? level.avg,
      kind: kindOfDifference(level.against['base']),
    })),
  );
  const domain = domainOf(values.flatMap(({ lower, upper }) => [lower, upper]));
  const label = `avg@${report.samples} of every arm at every difficulty; the table below has the numbers`;
  const y = { field: 'arm', type: 'nominal' as const, sort: order, title: null };
  const color = { field: 'kind', type: 'nominal' as const, scale: KIND_SCALE, legend: null };
  const columns = Math.min(3, titles.length);
  return draw(label, ({ narrow, width }) => ({
    data: { values },
    facet: { field: 'level', type: 'nominal' as const, sort: titles, title: null },
    columns: narrow ? 1 : columns,
    spacing: narrow ? 14 : 18,
    spec: {
      width: narrow ? width - 130 : (width - 150 - 18 * columns) / columns,
      height: { step: narrow ? 15 : 17 },
      layer: [
        {
          mark: { type: 'rule' as const, strokeWidth: 3, opacity: 0.45, strokeCap: 'round' as const },
          encoding: {
            y,
            color,
            x: {
              field: 'lower',
              type: 'quantitative' as const,
              title: null,
              scale: { domain, nice: false, zero: false },
              axis: { format: '.0%', tickCount: 4 },
            },
            x2: { field: 'upper' },
          },
        },
        {
          mark: { type: 'circle' as const, size: 55, opacity: 1 },
          encoding: { y, color, x: { field: 'avg', type: 'quantitative' as const } },
        },
      ],
    },
  }));
}

function nameOf({ split, difficulty }: { readonly split: Split; readonly difficulty: string }): string {
  return difficulty === '' ? split : `${split}, ${difficulty}`;
}

/** Ends of an axis of shares: a little more than the values. */
export function domainOf(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const edge = Math.max(0.02, (high - low) * 0.04);
  return [Math.max(0, low - edge), Math.min(1, high + edge)];
}
