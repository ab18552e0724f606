import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '@overtone/artifacts';
import {
  type Job,
  JobState,
  Schedule,
  SftSelection,
  type StepMetrics,
  TrainerServiceClient,
  type TrainingSpec,
} from '@overtone/contracts';
import { connect, type Remote, waitForHealthy } from '@overtone/rpc';

const model = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));
let folder = '';
let spec: TrainingSpec;
const processes: ChildProcess[] = [];

interface Trainer {
  process: ChildProcess;
  client: Remote<typeof TrainerServiceClient.service>;
  address: string;
}

async function start(state: string): Promise<Trainer> {
  const process_ = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: {
      ...process.env,
      OVERTONE_EXIT_WITH_PARENT: '1',
      OVERTONE_ARTIFACTS: pathToFileURL(join(folder, 'artifacts')).href,
      OVERTONE_STATE: join(folder, state),
      OVERTONE_CHECKPOINT_SECONDS: '0',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  processes.push(process_);
  const [line] = (await once(createInterface(process_.stdout), 'line')) as [string];
  const { address } = JSON.parse(line) as { address: string };
  await waitForHealthy(address);
  return { process: process_, address, client: connect(TrainerServiceClient, address) };
}

async function watch(
  trainer: Trainer,
  jobId: string,
  afterStep = 0,
  until = Infinity,
): Promise<{ steps: StepMetrics[]; job: Job | undefined }> {
  const steps: StepMetrics[] = [];
  let job: Job | undefined;
  for await (const { event } of trainer.client.watchJob({ jobId, afterStep })) {
    if (event?.$case === 'step') steps.push(event.value);
    if (event?.$case === 'job') job = event.value;
    if ((steps.at(-1)?.step ?? 0) >= until) break;
  }
  return { steps, job };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-trainer-'));
  const store = openStore(pathToFileURL(join(folder, 'artifacts')).href);
  const groups = Array.from({ length: 10 }, (_, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + 2` }],
    solutions: [
      { text: `${index} + 2 = ${index + 2}\n\\boxed{${index + 2}}`, score: 1 },
      { text: `So\n\\boxed{${index + 2}}`, score: 0 },
    ],
  }));
  spec = {
    model,
    initializeSeed: 5,
    dataset: await store.writeJsonl(groups),
    objective: { $case: 'sft', value: { selection: SftSelection.SFT_SELECTION_BEST } },
    lora: { r: 4, alpha: 8, targetModules: [] },
    optimizer: {
      learningRate: 1e-3,
      warmupRatio: 0.1,
      schedule: Schedule.SCHEDULE_COSINE,
      weightDecay: 0,
      maxGradNorm: 1,
      beta1: 0.9,
      beta2: 0.999,
    },
    steps: 60,
    groupsPerStep: 8,
    tokensPerStep: 0,
    seed: 1,
    snapshotEverySteps: 25,
    maxLength: 64,
  };
});

afterAll(async () => {
  for (const process_ of processes) process_.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

describe('the trainer process', () => {
  it('ends in the same weights whether or not it is killed and restarted, and watchers see every step once', async () => {
    const undisturbed = await start('undisturbed');
    await undisturbed.client.createJob({ jobId: 'job', spec });
    const whole = await watch(undisturbed, 'job');
    expect(whole.job?.state).toBe(JobState.JOB_STATE_SUCCEEDED);
    expect(whole.job?.snapshots.map(({ step }) => step)).toEqual([25, 50, 60]);

    const first = await start('disturbed');
    await first.client.createJob({ jobId: 'job', spec });
    const before = await watch(first, 'job', 0, 30);
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    const second = await start('disturbed');
    // The same call after the restart is the same job.
    const { job } = await second.client.createJob({ jobId: 'job', spec });
    expect(job?.state).not.toBe(JobState.JOB_STATE_SUCCEEDED);
    const after = await watch(second, 'job', before.steps.at(-1)?.step ?? 0);
    expect([...before.steps, ...after.steps].map(({ step }) => step)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
    const losses = (steps: StepMetrics[]): unknown[] => steps.map(({ values }) => values['loss']);
    expect(losses([...before.steps, ...after.steps])).toEqual(losses(whole.steps));
    expect(after.job?.snapshots).toEqual(whole.job?.snapshots);
  });

  it('answers health checks within 50 ms while it trains, and stops a job when told', async () => {
    const trainer = await start('busy');
    await trainer.client.createJob({ jobId: 'long', spec: { ...spec, steps: 100_000 } });
    await watch(trainer, 'long', 0, 5);
    const delays: number[] = [];
    for (let probe = 0; probe < 20; probe++) {
      const began = performance.now();
      await trainer.client.getJob({ jobId: 'long' });
      delays.push(performance.now() - began);
    }
    // The first call sets up the connection; a single slow one may be the machine's.
    expect(delays.sort((a, b) => a - b)[18]).toBeLessThan(50);
    await trainer.client.cancelJob({ jobId: 'long' });
    expect((await watch(trainer, 'long')).job?.state).toBe(JobState.JOB_STATE_CANCELLED);
  });

  it('refuses another specification under the same id, an unknown job, and a bad field by its name', async () => {
    const trainer = await start('refusals');
    await trainer.client.createJob({ jobId: 'one', spec: { ...spec, steps: 1 } });
    await expect(trainer.client.createJob({ jobId: 'one', spec: { ...spec, steps: 2 } })).rejects.toThrow(
      /job one exists with another specification/,
    );
    await expect(trainer.client.getJob({ jobId: 'two' })).rejects.toThrow(/job two does not exist/);
    await expect(
      trainer.client.createJob({
        jobId: 'two',
        spec: { ...spec, objective: { $case: 'dpo', value: { beta: 0, lossType: 0, labelSmoothing: 0 } } },
      }),
    ).rejects.toThrow(/spec\.dpo\.beta.*positive/);
    await expect(
      trainer.client.createJob({
        jobId: 'two',
        spec: { ...spec, objective: { $case: 'dpo', value: { beta: 1, lossType: 2, labelSmoothing: 0.5 } } },
      }),
    ).rejects.toThrow(/spec\.dpo\.label_smoothing.*\[0, 0\.5\), got 0\.5/);
    await expect(
      trainer.client.createJob({
        jobId: 'two',
        spec: { ...spec, lora: { r: 4, alpha: 8, targetModules: ['w_proj'] } },
      }),
    ).rejects.toThrow(/unknown projection w_proj/);
    await expect(
      trainer.client.createJob({ jobId: 'two', spec: { ...spec, engine: 'cuda/float16' } }),
    ).rejects.toThrow(
      /job two is to be computed on cuda\/float16, but this trainer computes on cpu\/float32/,
    );
    expect(await readdir(join(folder, 'refusals', 'jobs'))).toHaveLength(1);
  });

  it('says why a job failed', async () => {
    const trainer = await start('failures');
    await trainer.client.createJob({ jobId: 'short', spec: { ...spec, maxLength: 4 } });
    const { job } = await watch(trainer, 'short');
    expect(job?.state).toBe(JobState.JOB_STATE_FAILED);
    expect(job?.error).toMatch(/max_length is 4/);
  });
});
