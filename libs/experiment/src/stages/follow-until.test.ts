import { setTimeout } from 'node:timers/promises';
import {
  type Job,
  JobState,
  TrainerServiceClient,
  TrainerServiceService,
  type TrainingSpec,
  type WatchJobResponse,
} from '@overtone/contracts';
import { connect, serve, serverStreamHandler, unaryHandler } from '@overtone/rpc';
import { afterEach, describe, expect, it } from 'vitest';
import { Progress } from '../progress.ts';
import { followUntil } from './follow-until.ts';

const spec: TrainingSpec = {
  model: 'm',
  dataset: { sha256: 'd', mediaType: 'm' },
  objective: undefined,
  lora: undefined,
  optimizer: undefined,
  steps: 25,
  groupsPerStep: 1,
  tokensPerStep: 0,
  seed: 1,
  snapshotEverySteps: 5,
  maxLength: 8,
};
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/**
 * A trainer of one job that takes a step every `pace` milliseconds, leaves a snapshot every five, and the last step's when it is cancelled.
 *
 * @param alarmAt the step at which an alarm ends the job, with the weights of step 3.
 */
async function trainerDouble(pace: number, alarmAt = Infinity) {
  const weights = (step: number) => ({ step, weights: { sha256: `weights of ${step}`, mediaType: 'm' } });
  const fresh = { id: 'job', step: 0, steps: spec.steps, snapshots: [], error: '', alarms: [] };
  let job: Job | undefined;
  const update = (change: Partial<Job>): Job =>
    (job = { ...(job ?? { ...fresh, state: JobState.JOB_STATE_RUNNING }), ...change });
  const running = (): boolean => job?.state === JobState.JOB_STATE_RUNNING;
  const work = async (): Promise<void> => {
    while (running()) {
      await setTimeout(pace);
      if (!running()) return;
      const step = (job?.step ?? 0) + 1;
      const snapshots = [...(job?.snapshots ?? []), ...(step % 5 === 0 ? [weights(step)] : [])];
      if (step === alarmAt) {
        const alarm = { step, metric: 'kl', value: 1, limit: 0.25, message: 'far', keptStep: 3 };
        const kept = [weights(3), ...(job?.snapshots ?? [])];
        update({ step, snapshots: kept, alarms: [alarm], state: JobState.JOB_STATE_SUCCEEDED });
      } else if (step === spec.steps) update({ step, snapshots, state: JobState.JOB_STATE_SUCCEEDED });
      else update({ step, snapshots });
    }
  };
  const server = await serve({
    name: 'trainer',
    services: [
      {
        definition: TrainerServiceService,
        implementation: {
          createJob: unaryHandler(({ resume }: { resume?: boolean | undefined }) => {
            const known = job;
            const again = resume === true && known?.state === JobState.JOB_STATE_CANCELLED;
            if (known === undefined || again) {
              update({ state: JobState.JOB_STATE_RUNNING });
              void work();
            }
            return { job };
          }),
          getJob: unaryHandler(() => ({ job })),
          cancelJob: unaryHandler(() => {
            if (running()) {
              const { step, snapshots } = update({ state: JobState.JOB_STATE_CANCELLED });
              if (step % 5 > 0) update({ snapshots: [...snapshots, weights(step)] });
            }
            return { job };
          }),
          watchJob: serverStreamHandler(async function* ({
            afterStep,
          }: {
            afterStep: number;
          }): AsyncGenerator<WatchJobResponse> {
            let seen = afterStep;
            for (;;) {
              const now = job;
              if (now === undefined) return;
              while (seen < now.step)
                yield { event: { $case: 'step', value: { step: ++seen, values: { loss: 1 / seen } } } };
              yield { event: { $case: 'job', value: now } };
              if (now.state !== JobState.JOB_STATE_RUNNING) return;
              await setTimeout(1);
            }
          }),
        },
      },
    ],
  });
  const trainer = connect(TrainerServiceClient, server.address);
  closing.push(
    () => server.close(),
    () => trainer.close(),
  );
  return { trainer, stateOf: () => job };
}

/** Follows the job, each question taking a while, until the snapshot of a step. */
async function follow(
  { trainer }: Pick<Awaited<ReturnType<typeof trainerDouble>>, 'trainer'>,
  lastStep: number,
  {
    milliseconds = 10,
    signal = new AbortController().signal,
  }: { milliseconds?: number; signal?: AbortSignal } = {},
) {
  const asked: number[] = [];
  const training = await followUntil({
    trainer,
    jobId: 'job',
    spec,
    stage: new Progress().stage('train'),
    signal,
    turn: (task) => task(),
    ends: async ({ step }) => {
      asked.push(step);
      await setTimeout(milliseconds);
      signal.throwIfAborted();
      return step === lastStep;
    },
  });
  return { asked, training };
}

describe('a training that is followed until it is enough', () => {
  it('comes to the same whether the trainer runs ahead or is slow, and is cancelled', async () => {
    const slow = await trainerDouble(3);
    const quick = await trainerDouble(0);
    const patient = await follow(slow, 10, { milliseconds: 0 });
    const hurried = await follow(quick, 10, { milliseconds: 100 });
    expect(slow.stateOf()?.state).toBe(JobState.JOB_STATE_CANCELLED);
    expect(quick.stateOf()?.state).toBe(JobState.JOB_STATE_SUCCEEDED);
    expect(hurried).toEqual(patient);
    expect(patient.asked).toEqual([5, 10]);
    expect(patient.training.snapshots.map(({ step }) => step)).toEqual([5, 10]);
    expect(patient.training.metrics).toHaveLength(10);
  });

  it('forgets an alarm of steps that would not have been taken, and ends with its weights where they were', async () => {
    const ahead = await trainerDouble(0, 22);
    const { training } = await follow(ahead, 10, { milliseconds: 100 });
    expect(ahead.stateOf()?.alarms).toHaveLength(1);
    expect(training).toMatchObject({ warnings: [] });
    expect(training.alarm).toBeUndefined();
    const { training: alarmed } = await follow(await trainerDouble(0, 12), 25);
    expect(alarmed.snapshots.map(({ step }) => step)).toEqual([5, 10, 3]);
    expect(alarmed.alarm).toMatch(/ended it at step 12, back to the weights of step 3: far/);
  });

  it('comes to the same when it was killed while it was asking, or after it had cancelled the job', async () => {
    const whole = await follow(await trainerDouble(1), 15);
    const broken = await trainerDouble(1);
    const killed = new AbortController();
    const first = follow(broken, 15, { signal: killed.signal });
    await setTimeout(15);
    killed.abort(new Error('killed'));
    await expect(first).rejects.toThrow('killed');
    expect((await follow(broken, 15)).training).toEqual(whole.training);
    // And once more: what the cancelled job has left is enough.
    const before = broken.stateOf()?.step;
    expect((await follow(broken, 15)).training).toEqual(whole.training);
    expect(broken.stateOf()?.step).toBe(before);
    // One that wants more of it continues it.
    expect((await follow(broken, 20)).training.snapshots.map(({ step }) => step)).toEqual([5, 10, 15, 20]);
  });

  it('ends with what went wrong in the asking', async () => {
    const { trainer } = await trainerDouble(1);
    const followed = followUntil({
      trainer,
      jobId: 'job',
      spec,
      stage: new Progress().stage('train'),
      signal: new AbortController().signal,
      turn: (task) => task(),
      ends: async () => {
        throw new Error('the generator is gone');
      },
    });
    await expect(followed).rejects.toThrow('the generator is gone');
  });
});
