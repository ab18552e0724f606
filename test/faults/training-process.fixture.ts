// A process that trains: with `run`, the training loop alone, ready to go on a line of input; with `jobs`, a trainer's jobs, as its
// service holds them. Killed at any moment, the next one with the same folder continues.
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TrainingSpec } from '@overtone/contracts';

const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const STEPS = 40;
const SNAPSHOT_EVERY = 8;
const [mode = '', folder = '', dataset = '', checkpointSteps = '1'] = process.argv.slice(2);

const optimizer = {
  learningRate: 3e-3,
  warmupRatio: 0.1,
  weightDecay: 0.1,
  maxGradNorm: 1,
  beta1: 0.9,
  beta2: 0.999,
};
const lora = { r: 2, alpha: 4 };
const checkpoints = { seconds: Infinity, steps: Number(checkpointSteps) };

/** The training loop alone. Each mode loads only what it needs, before it says that it is ready. */
async function prepareRun(): Promise<() => Promise<void>> {
  const { createObjective } = await import('../../libs/training/src/objective-spec.ts');
  const { runTraining } = await import('../../libs/training/src/run-training.ts');
  const objective = createObjective({ type: 'dpo', beta: 1 });
  return async () => {
    const events = runTraining(
      {
        model,
        initializeSeed: 3,
        dataset,
        objective,
        lora: { ...lora, targetModules: ['q_proj', 'down_proj'] },
        optimizer: { ...optimizer, schedule: 'cosine' },
        batching: { groupsPerStep: 2, steps: STEPS },
        seed: 1,
        maxLength: 64,
        snapshotEverySteps: SNAPSHOT_EVERY,
      },
      { folder, checkpoints },
    );
    for await (const event of events) if (event.type === 'step') process.stdout.write(`${event.step}\n`);
  };
}

/** A trainer's jobs, on the same data. */
async function prepareJobs(): Promise<() => Promise<void>> {
  const { openStore } = await import('@overtone/artifacts');
  const { Schedule } = await import('@overtone/contracts');
  const { Jobs } = await import('../../services/trainer/src/jobs.ts');
  return async () => {
    const store = openStore(pathToFileURL(join(folder, 'artifacts')).href);
    const spec: TrainingSpec = {
      model,
      initializeSeed: 3,
      dataset: await store.writeJsonl(rows()),
      objective: { $case: 'dpo', value: { beta: 1, lossType: 0, labelSmoothing: 0, scoreMargin: 0 } },
      lora: { ...lora, targetModules: ['q_proj', 'down_proj'] },
      optimizer: { ...optimizer, schedule: Schedule.SCHEDULE_COSINE },
      steps: STEPS,
      groupsPerStep: 2,
      tokensPerStep: 0,
      seed: 1,
      snapshotEverySteps: SNAPSHOT_EVERY,
      maxLength: 64,
    };
    const held = await Jobs.open({
      store,
      state: join(folder, 'state'),
      threads: 1,
      hardware: { device: 'cpu', precision: 'float32' },
      checkpoints,
    });
    await held.create({ jobId: 'job', spec });
    for await (const { event } of held.watch('job', 0, new AbortController().signal)) {
      if (event?.$case === 'step') process.stdout.write(`${event.value.step}\n`);
    }
    process.stdout.write(`${JSON.stringify(held.get('job').snapshots)}\n`);
    await held.close();
  };
}

async function* rows(): AsyncGenerator<unknown> {
  for await (const line of createInterface({ input: createReadStream(dataset) })) yield JSON.parse(line);
}

const work = await (mode === 'jobs' ? prepareJobs() : prepareRun());
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
await work();
process.stdout.write('done\n');
