// `overtone train` once its input has been checked: a trainer, one job, and an adapter at the end.
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hashKey, openStore } from '@overtone/artifacts';
import { TrainerServiceClient, TrainingSpec } from '@overtone/contracts';
import { followJob, Progress, Supervisor, trainingSpec } from '@overtone/experiment';
import { connect } from '@overtone/rpc';
import { withSpan } from '@overtone/telemetry';
import { progressView } from './progress-view.ts';
import type { CheckedTraining } from './train-check.ts';
import type { TrainFlags } from './train-program.ts';

/** Trains in `workshop`, and moves what is to be kept to `flags.out`. */
export async function trainCommand(
  { objective, options, plan, model }: CheckedTraining,
  dataset: string,
  workshop: string,
  flags: TrainFlags,
  interrupt: AbortSignal,
): Promise<void> {
  const out = resolve(flags.out ?? '');
  await mkdir(join(workshop, 'logs'), { recursive: true });
  const view = progressView(process.stderr);
  const progress = new Progress(view.listen);
  const failure = new AbortController();
  const signal = AbortSignal.any([interrupt, failure.signal]);
  const supervisor = new Supervisor({
    traces: join(workshop, 'traces'),
    logs: join(workshop, 'logs'),
    say: (text) => progress.say(text),
    onFailure: (error) => failure.abort(error),
    signal,
  });
  try {
    const result = await withSpan('overtone.train', { 'overtone.objective': objective.type }, async () => {
      const artifacts = flags.artifacts ?? `file://${join(workshop, 'artifacts')}`;
      const store = openStore(artifacts);
      const spec: TrainingSpec = {
        ...trainingSpec({
          model,
          dataset: await store.put(createReadStream(dataset), 'application/jsonl'),
          objective,
          learningRate: objective.optimizer.learningRate,
          seed: flags.seed,
          engine: undefined,
        }),
        steps: 'steps' in options.batching ? options.batching.steps : 0,
      };
      const address =
        flags.trainer ??
        (await supervisor.start('trainer', {
          OVERTONE_ARTIFACTS: artifacts,
          OVERTONE_STATE: join(workshop, 'state'),
          OVERTONE_THREADS: String(flags.threads),
          OVERTONE_DEVICE: '',
          OVERTONE_PRECISION: '',
        }));
      const trainer = connect(TrainerServiceClient, address);
      try {
        const stage = progress.stage('train', 'steps');
        stage.expect(plan.plan.length);
        const jobId = hashKey(JSON.stringify(TrainingSpec.toJSON(spec)));
        const { job, metrics } = await stage.run(() => followJob({ trainer, jobId, spec, stage, signal }));
        const weights = job.snapshots.at(-1)?.weights;
        if (weights === undefined) throw new Error('the trainer ended without weights');
        await assemble(await store.openFolder(weights), workshop, metrics, out);
        return { adapter: out, steps: job.steps, loss: metrics.at(-1)?.values['loss'] ?? null };
      } finally {
        trainer.close();
      }
    });
    view.close();
    const loss = result.loss === null ? '' : `, last loss ${result.loss.toPrecision(4)}`;
    process.stdout.write(
      flags.json ? `${JSON.stringify(result)}\n` : `Adapter: ${out} (${result.steps} steps${loss})\n`,
    );
  } catch (error) {
    view.close();
    throw failure.signal.aborted ? failure.signal.reason : error;
  } finally {
    await supervisor.stop();
  }
}

/** Puts the adapter, every step's metrics and the event files together, so that `out` is there whole or not at all. */
async function assemble(
  weights: string,
  workshop: string,
  metrics: readonly unknown[],
  out: string,
): Promise<void> {
  const assembling = `${out}.assembling`;
  await rm(assembling, { recursive: true, force: true });
  await mkdir(assembling, { recursive: true });
  for (const file of await readdir(weights)) {
    await cp(join(weights, file), join(assembling, file));
    // The store's files are read-only; the adapter belongs to whoever trained it.
    await chmod(join(assembling, file), 0o644);
  }
  await writeFile(
    join(assembling, 'metrics.jsonl'),
    metrics.map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
  const state = join(workshop, 'state');
  const inState = await readdir(state, { recursive: true }).catch(() => []);
  for (const path of inState.filter((name) => name.includes('.tfevents.')))
    await cp(join(state, path), join(assembling, 'tensorboard', path.split('/').at(-1) ?? 'events'));
  await rm(out, { recursive: true, force: true });
  await rename(assembling, out);
}
