// `overtone train` once its input has been checked: a trainer, one job, and an adapter at the end.
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { TrainingSpec } from '@overtone/contracts';
import { trainingSpec } from '@overtone/experiment';
import { hardwareKey } from '@overtone/tensor/hardware';
import { trainedCard } from './train-card.ts';
import type { CheckedTraining } from './train-check.ts';
import type { TrainFlags } from './train-program.ts';
import { inTrainingWorkshop } from './training-workshop.ts';

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
  const result = await inTrainingWorkshop(
    workshop,
    {
      span: 'overtone.train',
      attributes: { 'overtone.objective': objective.type },
      artifacts: flags.artifacts,
      interrupt,
    },
    async ({ store, train }) => {
      const spec: TrainingSpec = {
        ...trainingSpec({
          model,
          dataset: await store.put(createReadStream(dataset), 'application/jsonl'),
          objective,
          learningRate: objective.optimizer.learningRate,
          seed: flags.seed,
          engine: hardwareKey({ device: 'cpu', precision: flags.precision }),
        }),
        steps: 'steps' in options.batching ? options.batching.steps : 0,
      };
      const { job, metrics, weights } = await train(spec, {
        address: flags.trainer,
        threads: flags.threads,
        precision: flags.precision,
        steps: plan.plan.length,
      });
      const kept = job.alarms.find(({ keptStep }) => keptStep !== undefined)?.keptStep;
      const card = trainedCard({
        objective,
        model,
        dataset,
        groups: new Set(plan.plan.flat().map(({ id }) => id)).size,
        seed: flags.seed,
        step: kept ?? job.steps,
        loss: metrics.at(-1)?.values['loss'] ?? null,
        alarms: job.alarms.map(({ message }) => message),
      });
      await assemble(weights, workshop, { metrics, card }, out);
      const alarms = job.alarms.map(({ step, message, keptStep }) => ({ step, message, keptStep }));
      return { adapter: out, steps: job.steps, loss: metrics.at(-1)?.values['loss'] ?? null, alarms };
    },
  );
  const loss = result.loss === null ? '' : `, last loss ${result.loss.toPrecision(4)}`;
  const ending = result.alarms.find(({ keptStep }) => keptStep !== undefined);
  const steps = ending === undefined ? `${result.steps} steps` : `step ${ending.keptStep} of ${result.steps}`;
  if (!flags.json)
    for (const { step, message, keptStep } of result.alarms)
      process.stderr.write(`Alarm at step ${step}: ${message}${keptStep === undefined ? '' : '; ended'}\n`);
  process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `Adapter: ${out} (${steps}${loss})\n`);
}

/** Puts the adapter, its card, every step's metrics and the event files together, so that `out` is there whole or not at all. */
async function assemble(
  weights: string,
  workshop: string,
  { metrics, card }: { readonly metrics: readonly unknown[]; readonly card: string },
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
  await writeFile(join(assembling, 'README.md'), card);
  const state = join(workshop, 'state');
  const inState = await readdir(state, { recursive: true }).catch(() => []);
  for (const path of inState.filter((name) => name.includes('.tfevents.')))
    await cp(join(state, path), join(assembling, 'tensorboard', path.split('/').at(-1) ?? 'events'));
  await rm(out, { recursive: true, force: true });
  await rename(assembling, out);
}
