// The trainer as a process: on a disk that is full, and two of them with the state of one.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
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
  TrainerServiceClient,
  type TrainingSpec,
} from '@overtone/contracts';
import { connect, type Remote, waitForHealthy } from '@overtone/rpc';

const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const program = fileURLToPath(new URL('../../services/trainer/src/main.ts', import.meta.url));
const processes: ChildProcess[] = [];
let folder = '';
let spec: TrainingSpec;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-trainer-faults-'));
  const store = openStore(pathToFileURL(join(folder, 'artifacts')).href);
  const groups = Array.from({ length: 10 }, (_, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + 2` }],
    solutions: [{ text: `${index} + 2 = ${index + 2}\n\\boxed{${index + 2}}`, score: 1 }],
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
    steps: 80,
    groupsPerStep: 8,
    tokensPerStep: 0,
    seed: 1,
    snapshotEverySteps: 40,
    maxLength: 64,
  };
});

afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Starts a trainer; `before` is a command that starts it. */
function spawnTrainer(
  state: string,
  before: readonly string[] = [],
  environment: Record<string, string> = {},
) {
  const [command = '', ...args] = [...before, process.execPath, program];
  const child = spawn(command, args, {
    env: {
      ...process.env,
      OVERTONE_EXIT_WITH_PARENT: '1',
      OVERTONE_ARTIFACTS: pathToFileURL(join(folder, 'artifacts')).href,
      OVERTONE_STATE: state,
      OVERTONE_CHECKPOINT_SECONDS: '0',
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  processes.push(child);
  const complaints: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line));
  return { child, complaints };
}

interface Trainer {
  readonly child: ChildProcess;
  readonly address: string;
  readonly client: Remote<typeof TrainerServiceClient.service>;
}

async function start(...args: Parameters<typeof spawnTrainer>): Promise<Trainer> {
  const { child } = spawnTrainer(...args);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { address } = JSON.parse(line) as { address: string };
  await waitForHealthy(address);
  return { child, address, client: connect(TrainerServiceClient, address) };
}

/** Follows a job to its end, or to a step. */
async function watch({ client }: Trainer, jobId: string, until = Infinity): Promise<Job | undefined> {
  let job: Job | undefined;
  for await (const { event } of client.watchJob({ jobId, afterStep: 0 }, { timeoutMs: 50_000 })) {
    if (event?.$case === 'job') job = event.value;
    if (event?.$case === 'step' && event.value.step >= until) break;
  }
  return job;
}

/** Whether file systems of one's own can be mounted. */
const mounts = ((): boolean => {
  try {
    execFileSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Writes zeros until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 1 << 20; size >= 1; size >>= 1) {
      const zeros = Buffer.alloc(size);
      try {
        for (;;) if (writeSync(file, zeros) < size) break;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

describe('the trainer process', () => {
  it.skipIf(!mounts)(
    'on a full disk says so in one line, still answers, and continues when there is room again: skipped where nothing can be mounted',
    async () => {
      const state = join(folder, 'full');
      mkdirSync(state);
      const mounted = 'mount -t tmpfs -o size=24m tmpfs "$OVERTONE_STATE" && exec "$@"';
      const trainer = await start(state, ['unshare', '-Urm', 'sh', '-c', mounted, 'sh']);
      await trainer.client.createJob({ jobId: 'whole', spec });
      const whole = await watch(trainer, 'whole');
      expect(whole?.state).toBe(JobState.JOB_STATE_SUCCEEDED);

      await trainer.client.createJob({ jobId: 'job', spec: { ...spec, steps: 2000, snapshotEverySteps: 0 } });
      await watch(trainer, 'job', 20);
      // The trainer's file system, as it sees it.
      const ballast = join('/proc', String(trainer.child.pid), 'root', state, 'ballast');
      fill(ballast);
      const failed = await watch(trainer, 'job');
      expect(failed?.state).toBe(JobState.JOB_STATE_FAILED);
      expect(failed?.error).toMatch(
        /^.*the disk is full.*; the (last checkpoint|one of step \d+) is kept; make room and start the job again$/,
      );
      const reached = failed?.step ?? 0;
      expect(reached).toBeGreaterThanOrEqual(20);
      // It goes on answering, and says the same of a job that there is no room for: also not where a half-written checkpoint was.
      const more = `${ballast}-2`;
      fill(more);
      expect((await trainer.client.getJob({ jobId: 'job' })).job?.error).toBe(failed?.error);
      await expect(trainer.client.createJob({ jobId: 'another', spec })).rejects.toThrow(
        /disk is full|ENOSPC/,
      );
      await waitForHealthy(trainer.address);

      rmSync(ballast);
      rmSync(more);
      await trainer.client.createJob({
        jobId: 'job',
        spec: { ...spec, steps: 2000, snapshotEverySteps: 0 },
        resume: true,
      });
      const steps: number[] = [];
      for await (const { event } of trainer.client.watchJob(
        { jobId: 'job', afterStep: 0 },
        { timeoutMs: 50_000 },
      )) {
        if (event?.$case === 'step') steps.push(event.value.step);
        if (steps.length > reached + 20) break;
      }
      // Each step once, though the disk was full in the middle of one.
      expect(steps).toEqual(steps.map((_, index) => index + 1));
      await trainer.client.cancelJob({ jobId: 'job' });
      expect((await watch(trainer, 'job'))?.state).toBe(JobState.JOB_STATE_CANCELLED);
      await trainer.client.createJob({ jobId: 'after', spec: { ...spec, seed: 1 } });
      expect((await watch(trainer, 'after'))?.snapshots).toEqual(whole?.snapshots);
    },
  );

  it('is refused the state of another one that is at work, and waits for one that is ending', async () => {
    const state = join(folder, 'shared');
    const first = await start(state);
    await first.client.createJob({ jobId: 'job', spec: { ...spec, steps: 100_000, snapshotEverySteps: 0 } });
    await watch(first, 'job', 3);
    const second = spawnTrainer(state, [], { OVERTONE_LOCK_SECONDS: '0' });
    const [code] = (await once(second.child, 'close')) as [number | null];
    expect(code).toBe(2);
    expect(second.complaints).toEqual([
      expect.stringMatching(/^trainer: process \d+ on .* is at work in .*shared; wait for it, or stop it$/),
    ]);
    expect(second.complaints.join()).toContain(`process ${first.child.pid} `);
    // One that waits gets the folder, with all that was done.
    const third = start(state);
    const { job: last } = await first.client.getJob({ jobId: 'job' });
    first.child.kill('SIGTERM');
    const { job } = await (await third).client.getJob({ jobId: 'job' });
    expect(job?.state).not.toBe(JobState.JOB_STATE_FAILED);
    await watch(await third, 'job', (last?.step ?? 0) + 1);
    await (await third).client.cancelJob({ jobId: 'job' });
  });
});
