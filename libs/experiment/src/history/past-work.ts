// How much a run has done, stage by stage, in the units that a plan counts: what is left to do is the plan less this, and how long it
// will take follows from how long this took.
import { z } from 'zod';
import { loadSplits } from '../problems.ts';
import { listRun } from './list-runs.ts';
import { type RunRecord, taskOfRun } from './run-record.ts';
import { storeOf } from './run-store.ts';

/** What a run has done. */
export interface PastWork {
  /** Samples of training questions. */
  readonly samples: number;
  /** Steps of training jobs that have ended, and these jobs. */
  readonly steps: number;
  readonly jobs: number;
  /** Solutions that were sampled in evaluations. */
  readonly evaluated: number;
  /** Comparisons, each order one. */
  readonly comparisons: number;
}

/** Seconds a unit, from a run that has been. */
export interface PastRates {
  /** The run's folder. */
  readonly run: string;
  /** Seconds a sample, a comparison, a step, a solution; null where the run had none. */
  readonly sample: number | null;
  readonly comparison: number | null;
  readonly step: number | null;
  readonly solution: number | null;
  /** Wall-clock time as a share of the sum of the stages' times, which overlap. */
  readonly overlap: number;
}

const configuration = z.object({
  sampling: z.object({ samples: z.number() }),
  evaluation: z.object({ samples: z.number() }),
  arms: z.array(
    z.object({
      name: z.string(),
      objective: z.object({
        steps: z.number(),
        selection: z.object({ samples: z.number().optional() }).optional(),
      }),
    }),
  ),
});

const compared = z.object({ verdicts: z.array(z.unknown()) });

/** Counts what a run's manifest notes and its store still holds; undefined where its questions cannot be drawn or read again. */
export async function pastWork(record: RunRecord): Promise<PastWork | undefined> {
  const task = taskOfRun(record);
  const parsed = configuration.safeParse(record.configuration);
  if (task === undefined || !parsed.success) return undefined;
  const { sampling, evaluation, arms } = parsed.data;
  const splits = await loadSplits(task).catch(() => undefined);
  if (splits === undefined) return undefined;
  const store = storeOf(record);
  const armOf = (label: string) => arms.find(({ name }) => label.startsWith(`${name} seed `));
  let [samples, steps, jobs, evaluated, comparisons] = [0, 0, 0, 0, 0];
  for (const result of record.manifest.results) {
    const { stage, label } = result;
    if (!['sample', 'compare', 'train', 'evaluate'].includes(stage) || !(await store.has(result))) continue;
    if (stage === 'sample') {
      const rows = store.readJsonl(result, () => undefined);
      for await (const _ of rows) samples += 1;
    } else if (stage === 'compare') {
      for await (const { verdicts } of store.readJsonl(result, (value) => compared.parse(value)))
        comparisons += 2 * verdicts.length;
    } else if (stage === 'train') {
      jobs += 1;
      steps += armOf(label)?.objective.steps ?? 0;
    } else {
      const isDevelopment = label.endsWith(', development');
      const split = isDevelopment ? splits.development : label.endsWith(', easy') ? splits.easy : splits.hard;
      const own = isDevelopment ? armOf(label)?.objective.selection?.samples : undefined;
      evaluated += (split?.length ?? 0) * (own ?? evaluation.samples);
    }
  }
  // A chunk may be noted once for several arms; there are no more samples of the first round than these.
  const most = splits.train.length * sampling.samples;
  return {
    samples: arms.length === 0 ? Math.min(samples, most) : samples,
    steps,
    jobs,
    evaluated,
    comparisons,
  };
}

/** How fast a run was; undefined where it is not done, or what it did cannot be told. */
export async function pastRates(record: RunRecord): Promise<PastRates | undefined> {
  const { manifest, report, state, path } = record;
  if (state !== 'done' || report === undefined) return undefined;
  const work = await pastWork(record);
  if (work === undefined) return undefined;
  const { timings } = manifest;
  const rate = (stage: string, units: number): number | null => {
    const seconds = timings[stage] ?? 0;
    return units === 0 || seconds === 0 ? null : seconds / units;
  };
  const { seconds } = await listRun(record);
  const sum = Object.values(timings).reduce((total, each) => total + each, 0);
  return {
    run: path,
    sample: rate('sample', work.samples),
    comparison: rate('compare', work.comparisons),
    step: rate('train', work.steps),
    solution: rate('evaluate', work.evaluated),
    overlap: seconds === null || sum === 0 ? 1 : Math.min(1, seconds / sum),
  };
}
