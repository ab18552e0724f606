import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '@overtone/artifacts';
import {
  AlarmAction,
  type Job,
  JobState,
  Schedule,
  SftSelection,
  type StepMetrics,
  TrainerServiceClient,
  type TrainingSpec,
} from '@overtone/contracts';
import { checkAdapter, readAdapter, readDecoderConfig } from '@overtone/language-model';
import { connect, type Remote, requiredField, waitForHealthy } from '@overtone/rpc';

const model = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));
let folder = '';
let spec: TrainingSpec;
const processes: ChildProcess[] = [];

interface Trainer {
  process: ChildProcess;
  client: Remote<typeof TrainerServiceClient.service>;
  address: string;
}

async function start(state: string, environment: Record<string, string> = {}): Promise<Trainer> {
  const process_ = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: {
      ...process.env,
      OVERTONE_EXIT_WITH_PARENT: '1',
      OVERTONE_ARTIFACTS: pathToFileURL(join(folder, 'artifacts')).href,
      OVERTONE_STATE: join(folder, state),
      OVERTONE_CHECKPOINT_SECONDS: '0',
      ...environment,
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

/** One for all tests that do not end theirs. */
let shared: Trainer;

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
  shared = await start('shared');
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
    const trainer = shared;
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

  it('is unavailable while its store is', async () => {
    const trainer = await start('no-store', {
      OVERTONE_ARTIFACTS: 's3://bucket/prefix',
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'none',
      AWS_SECRET_ACCESS_KEY: 'none',
      OVERTONE_S3_PATIENCE_S: '0.2',
    });
    await expect(trainer.client.createJob({ jobId: 'job', spec }, { retries: 0 })).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      message: expect.stringContaining('http://127.0.0.1:1'),
    });
    trainer.process.kill();
  });

  it('says why a job failed', async () => {
    const trainer = shared;
    await trainer.client.createJob({ jobId: 'short', spec: { ...spec, maxLength: 4 } });
    const { job } = await watch(trainer, 'short');
    expect(job?.state).toBe(JobState.JOB_STATE_FAILED);
    expect(job?.error).toMatch(/max_length is 4/);
  });

  it('leaves a usable adapter when a job is cancelled, and continues it when told to, to the weights of one that was not', async () => {
    const trainer = shared;
    const store = openStore(pathToFileURL(join(folder, 'artifacts')).href);
    await trainer.client.createJob({ jobId: 'whole', spec });
    const whole = await watch(trainer, 'whole');
    await trainer.client.createJob({ jobId: 'stopped', spec });
    await watch(trainer, 'stopped', 0, 10);
    await trainer.client.cancelJob({ jobId: 'stopped' });
    const stopped = await watch(trainer, 'stopped');
    expect(stopped.job?.state).toBe(JobState.JOB_STATE_CANCELLED);
    const last = stopped.job?.snapshots.at(-1);
    if (last?.weights === undefined) throw new Error('no weights were left');
    expect(last.step).toBe(stopped.job?.step);
    const adapter = await readAdapter(await store.openFolder(last.weights));
    checkAdapter(await readDecoderConfig(model), adapter, 'the adapter');
    // The same call without it is the job as it ended.
    const { job } = await trainer.client.createJob({ jobId: 'stopped', spec });
    expect(job?.state).toBe(JobState.JOB_STATE_CANCELLED);
    await trainer.client.createJob({ jobId: 'stopped', spec, resume: true });
    const resumed = await watch(trainer, 'stopped');
    expect(resumed.job?.state).toBe(JobState.JOB_STATE_SUCCEEDED);
    expect(resumed.job?.snapshots).toEqual(whole.job?.snapshots);
  });

  it('told to end, checkpoints first: nothing of what it did is done again', async () => {
    const first = await start('ended', { OVERTONE_CHECKPOINT_SECONDS: '1000' });
    await first.client.createJob({ jobId: 'job', spec: { ...spec, steps: 100_000, snapshotEverySteps: 0 } });
    const watched = watch(first, 'job').catch((error: unknown) => error);
    await watch(first, 'job', 0, 20);
    const began = performance.now();
    first.process.kill('SIGTERM');
    const [code] = (await once(first.process, 'exit')) as [number | null];
    expect(code).toBe(0);
    // Well before it would be killed, though a call was open.
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await watched).toMatchObject({ codeName: 'UNAVAILABLE' });
    const second = await start('ended');
    await watch(second, 'job', 0, 21);
    const { job } = await second.client.getJob({ jobId: 'job' });
    expect(job?.step).toBeGreaterThan(20);
    const [name = ''] = await readdir(join(folder, 'ended', 'jobs'));
    const lines = (await readFile(join(folder, 'ended', 'jobs', name, 'metrics.jsonl'), 'utf8')).split('\n');
    const steps = lines.slice(0, -1).map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps).toEqual(steps.map((_, index) => index + 1));
    const events = await readdir(join(folder, 'ended', 'jobs', name, 'tensorboard'));
    expect(events).toEqual([expect.stringMatching(/tfevents/)]);
    await second.client.cancelJob({ jobId: 'job' });
  });

  it('stops at a loss that is none, names the groups, and leaves the weights of the last checkpoint', async () => {
    const trainer = shared;
    const train = async (jobId: string, learningRate: number, maxLossRatio: number) => {
      const schedule = Schedule.SCHEDULE_CONSTANT;
      const { optimizer } = spec;
      const wild = { ...requiredField(optimizer, 'optimizer'), learningRate, warmupRatio: 0, schedule };
      await trainer.client.createJob({ jobId, spec: { ...spec, optimizer: wild, maxLossRatio } });
      const { job } = await watch(trainer, jobId);
      expect(job?.state).toBe(JobState.JOB_STATE_FAILED);
      return { error: job?.error ?? '', snapshots: job?.snapshots.map(({ step }) => step) };
    };
    const nan = await train('nan', 1e30, 100);
    expect(nan.error).toMatch(
      /step 2: the loss is NaN .* on groups g\d+(, g\d+){7}; no checkpoint is good; lower the learning rate/,
    );
    expect(nan.snapshots).toEqual([]);
    const exploded = await train('exploded', 0.1, 1);
    const [, step, kept] =
      /step (\d+): the loss is .*, more than 1 times the median .*; the checkpoint of step (\d+) is kept/.exec(
        exploded.error,
      ) ?? [];
    // The weights with which the loss exploded are not among what is left.
    expect(Number(kept)).toBe(Number(step) - 2);
    expect(exploded.snapshots?.at(-1)).toBe(Number(kept));
  });

  it('ends a job whose policy is being destroyed with its last good weights, the same when it is killed on the way', async () => {
    const { initializeSeed: _, ...shipped } = spec;
    const wild = {
      ...shipped,
      objective: {
        $case: 'rrhf' as const,
        value: { rankWeight: 1, bradleyTerryWeights: false, labelSmoothing: 0 },
      },
      optimizer: { ...requiredField(spec.optimizer, 'optimizer'), learningRate: 2e-2, warmupRatio: 0.5 },
      snapshotEverySteps: 0,
    };
    const undisturbed = await start('alarmed');
    await undisturbed.client.createJob({ jobId: 'job', spec: wild });
    const whole = await watch(undisturbed, 'job');
    expect(whole.job).toMatchObject({ state: JobState.JOB_STATE_SUCCEEDED, error: '' });
    expect(whole.job?.step).toBeLessThan(60);
    const [alarm] = whole.job?.alarms ?? [];
    expect(alarm).toMatchObject({ metric: 'kl', limit: 0.25, step: whole.job?.step });
    expect(alarm?.message).toMatch(/less likely by .* nats a token, more than 0\.25/);
    expect(whole.job?.snapshots.map(({ step }) => step)).toEqual([alarm?.keptStep]);

    const first = await start('alarmed-killed');
    await first.client.createJob({ jobId: 'job', spec: wild });
    await watch(first, 'job', 0, 8);
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    const second = await start('alarmed-killed');
    const again = await watch(second, 'job');
    expect(again.job?.alarms).toEqual(whole.job?.alarms);
    expect(again.job?.snapshots).toEqual(whole.job?.snapshots);
    // Told to warn alone, it trains to the end.
    await second.client.createJob({
      jobId: 'warned',
      spec: { ...wild, alarmAction: AlarmAction.ALARM_ACTION_WARN },
    });
    const warned = await watch(second, 'warned');
    expect(warned.job?.alarms.map(({ keptStep }) => keptStep)).toContain(undefined);
    expect(warned.job?.snapshots.map(({ step }) => step)).toEqual([60]);
    await expect(second.client.createJob({ jobId: 'refused', spec: { ...wild, maxKl: -1 } })).rejects.toThrow(
      /spec\.max_kl.*not be negative/,
    );
  });
});
