// What a run has found and left, without what depends on time and place: two runs of one experiment are the same in it, to the bit.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const manifest = z.object({
  artifacts: z.string(),
  results: z.array(z.object({ stage: z.string(), label: z.string(), sha256: z.string() })),
});
const training = z.object({
  snapshots: z.array(z.object({ step: z.number(), weights: z.object({ sha256: z.string() }) })),
  metrics: z.array(z.object({ step: z.number(), values: z.looseObject({ loss: z.number() }) })),
});
const step = z.object({ step: z.number() });

/** What a run has found and left. */
export interface Findings {
  /** report.json, but for when and how fast. */
  readonly report: unknown;
  /** SHA-256 by stage and label. */
  readonly artifacts: Readonly<Record<string, string>>;
  /** The steps that the trainer has kept of each job, as ranges, in any order of jobs. */
  readonly jobs: readonly string[];
}

/** Reads them. @param state The trainer's. */
export function findingsOf(run: string, state: string): Findings {
  const {
    timings: _,
    version: __,
    ...report
  } = z.looseObject({}).parse(JSON.parse(readFileSync(join(run, 'report.json'), 'utf8')));
  const { artifacts: store, results } = manifest.parse(
    JSON.parse(readFileSync(join(run, 'manifest.json'), 'utf8')),
  );
  const artifacts = results.map(({ stage, label, sha256 }) => [
    `${stage} ${label}`,
    stage === 'train' ? trainedWeights(fileURLToPath(store), sha256) : sha256,
  ]);
  return {
    report,
    artifacts: Object.fromEntries(artifacts.sort()) as Record<string, string>,
    jobs: jobsOf(state),
  };
}

/** Of a training, its weights and losses: how fast it went is in its artifact too. */
function trainedWeights(store: string, sha256: string): string {
  const text = readFileSync(join(store, 'objects', sha256.slice(0, 2), sha256), 'utf8');
  const { snapshots, metrics } = training.parse(JSON.parse(text));
  const same = [snapshots, metrics.map(({ step: at, values: { loss } }) => [at, loss])];
  return createHash('sha256').update(JSON.stringify(same)).digest('hex');
}

function jobsOf(state: string): string[] {
  const folder = join(state, 'jobs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((job) => {
      const lines = readFileSync(join(folder, job, 'metrics.jsonl'), 'utf8')
        .trimEnd()
        .split('\n');
      const steps = lines.map((line) => step.parse(JSON.parse(line)).step);
      const once = steps.every((at, index) => at === index + 1);
      return once ? `1–${steps.length}` : steps.join(' ');
    })
    .sort();
}

/** In what two findings differ, in words. */
export function differences(found: Findings, expected: Findings): string[] {
  const places = new Set([...Object.keys(found.artifacts), ...Object.keys(expected.artifacts)]);
  return [
    ...(JSON.stringify(found.report) === JSON.stringify(expected.report) ? [] : ['report.json']),
    ...[...places].filter((place) => found.artifacts[place] !== expected.artifacts[place]),
    ...(found.jobs.join() === expected.jobs.join()
      ? []
      : [`jobs: ${found.jobs.join(', ')} instead of ${expected.jobs.join(', ')}`]),
  ];
}
