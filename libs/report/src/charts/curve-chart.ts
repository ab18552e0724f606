// Training curves: for each objective its metrics side by side, a thin line for every seed and a thick one for their mean, coloured by
// signal.
import type { TrainingCurve } from '../page-material.ts';
import type { Report } from '../schema.ts';
import { draw, legendOf } from './draw.ts';

/** Metrics in the order in which they are drawn; others follow in theirs. */
const FIRST = [
  'loss',
  'loss/sft',
  'loss/ranking',
  'rewards/margins',
  'rewards/accuracies',
  'rewards/chosen',
  'rewards/rejected',
  'kl',
  'entropy',
  'grad_norm',
];
/** What says nothing of how a training went: counts, rates, lengths. */
const LEFT_OUT = /token|length|learning_rate|epoch|^step$/;
/** Metrics a figure. */
const METRICS = 6;

/** A figure of an objective's trainings. */
export interface CurveFigure {
  readonly objective: string;
  readonly arms: readonly string[];
  readonly figure: string;
}

/** The figures of all objectives. */
export async function curveCharts(
  curves: readonly TrainingCurve[],
  { arms }: Report,
): Promise<CurveFigure[]> {
  const arm = new Map(arms.map((one) => [one.name, one]));
  const byObjective = Map.groupBy(
    curves.filter(({ arm: name }) => arm.has(name)),
    ({ arm: name }) => name.split('/')[0] ?? name,
  );
  // A signal has the same colour in all figures.
  const signals = [...new Set(arms.flatMap(({ signal }) => (signal === null ? [] : [signal])))];
  const figures: CurveFigure[] = [];
  for (const [objective, own] of byObjective) {
    const steps = new Map<number, number>();
    for (const { round, points } of own)
      steps.set(round, Math.max(steps.get(round) ?? 0, points.at(-1)?.step ?? 0));
    const before = (round: number): number =>
      [...steps].reduce((sum, [other, count]) => sum + (other < round ? count : 0), 0);
    const values = own.flatMap(({ arm: name, seed, round, points }) =>
      points.flatMap(({ step, values: measured }) =>
        Object.entries(measured).flatMap(([metric, value]) =>
          LEFT_OUT.test(metric) && !FIRST.includes(metric)
            ? []
            : [{ signal: arm.get(name)?.signal ?? name, seed, step: step + before(round), metric, value }],
        ),
      ),
    );
    const metrics = orderOf(new Set(values.map(({ metric }) => metric))).slice(0, METRICS);
    if (metrics.length === 0) continue;
    const names = signals.filter((name) => values.some(({ signal }) => signal === name));
    const label = `Training curves of ${objective}: ${metrics.join(', ')}, by step, for ${names.join(', ')}`;
    figures.push({
      objective,
      arms: [...new Set(own.map(({ arm: name }) => name))],
      figure: await curveChart(label, { values, metrics, signals, names }),
    });
  }
  return figures;
}

function orderOf(metrics: ReadonlySet<string>): string[] {
  const first = FIRST.filter((metric) => metrics.has(metric));
  return [...first, ...[...metrics].filter((metric) => !FIRST.includes(metric)).sort()];
}

interface Curves {
  readonly values: readonly {
    readonly signal: string;
    readonly seed: number;
    readonly step: number;
    readonly metric: string;
    readonly value: number;
  }[];
  readonly metrics: readonly string[];
  /** All signals of the report, which give the colours. */
  readonly signals: readonly string[];
  /** Those that are here. */
  readonly names: readonly string[];
}

function curveChart(label: string, { values, metrics, signals, names }: Curves): Promise<string> {
  const shown = values.filter(({ metric }) => metrics.includes(metric));
  const columns = Math.min(3, metrics.length);
  return draw(label, (room) => {
    const x = {
      field: 'step',
      type: 'quantitative' as const,
      title: null,
      axis: { grid: false, tickCount: room.narrow ? 3 : 4 },
    };
    const scale = { domain: [...names], range: names.map((name) => `var(--c${signals.indexOf(name) % 8})`) };
    const color = { field: 'signal', type: 'nominal' as const, scale, legend: legendOf(room) };
    return {
      data: { values: shown },
      facet: { field: 'metric', type: 'nominal' as const, sort: [...metrics], title: null },
      columns: room.narrow ? 2 : columns,
      spacing: { row: 22, column: room.narrow ? 6 : 14 },
      resolve: { scale: { y: 'independent' as const }, axis: { x: 'independent' as const } },
      spec: {
        width: room.narrow ? room.width / 2 - 44 : (room.width - 62 * columns) / columns,
        height: room.narrow ? 110 : 130,
        layer: [
          {
            mark: { type: 'line' as const, strokeWidth: 1, opacity: 0.35 },
            encoding: {
              x,
              y: {
                field: 'value',
                type: 'quantitative' as const,
                title: null,
                scale: { zero: false },
                axis: { tickCount: 4, grid: true, minExtent: 34, maxExtent: 34 },
              },
              color,
              detail: { field: 'seed', type: 'nominal' as const },
            },
          },
          {
            mark: { type: 'line' as const, strokeWidth: 2 },
            encoding: {
              x,
              y: { field: 'value', type: 'quantitative' as const, aggregate: 'mean' as const, title: null },
              color,
            },
          },
        ],
      },
    };
  });
}
