// The metrics of every training of a run, from what its trainings left.
import type { TrainingCurve } from '@overtone/report';
import { z } from 'zod';
import type { RunArtifacts } from './run-artifacts.ts';

const training = z.object({
  metrics: z.array(z.object({ step: z.number(), values: z.record(z.string(), z.number().nullable()) })),
});
const LABEL = /^(?<arm>.+) seed (?<seed>\d+)(?: round (?<round>\d+))?(?: lr (?<rate>\S+))?$/;
/** A line has no more points than the eye can tell apart. */
const POINTS = 80;

/** The curves of all trainings; of several learning rates that were tried, all. */
export async function trainingCurves(run: RunArtifacts): Promise<TrainingCurve[]> {
  const curves: TrainingCurve[] = [];
  for (const { label } of run.resultsOf('train')) {
    const { arm, seed, round = '1', rate } = LABEL.exec(label)?.groups ?? {};
    const rows = await run.rows('train', label, (value) => training.parse(value));
    const metrics = rows?.[0]?.metrics;
    if (metrics === undefined || arm === undefined || seed === undefined) continue;
    curves.push({
      arm,
      seed: Number(seed),
      round: Number(round),
      learningRate: rate === undefined ? null : Number(rate),
      points: thinned(metrics).map(({ step, values }) => ({ step, values: finite(values) })),
    });
  }
  return curves;
}

/** Evenly fewer points; the first and the last stay. */
export function thinned<Point>(points: readonly Point[]): Point[] {
  if (points.length <= POINTS) return [...points];
  return Array.from({ length: POINTS }, (_, index) =>
    points.at(Math.round((index * (points.length - 1)) / (POINTS - 1))),
  ).filter((point) => point !== undefined);
}

function finite(values: Readonly<Record<string, number | null>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}
