// Follows a job until its snapshots say that it is enough, and cancels it then. Snapshots are asked about in the order of their steps, and
// what a trainer has done meanwhile is forgotten: the outcome is that of a trainer that waits at every snapshot.
import type { Job } from '@overtone/contracts';
import { outlastRestarts } from '../services.ts';
import { followJob, type JobToFollow } from './follow-job.ts';
import type { Until } from './select.ts';
import { type TrainedSnapshot, type Training, trainingOf } from './train.ts';

/** A job that may end early. */
export interface JobToStop extends Omit<JobToFollow, 'heard' | 'mayEnd'> {
  readonly ends: Until['ends'];
  /** Runs the job when it is its turn. */
  readonly turn: <Result>(task: () => Promise<Result>) => Promise<Result>;
}

/**
 * Creates a job, or joins or continues it, and watches it to its end or to the snapshot that `ends` it.
 *
 * @throws Error when the job fails; what `ends` throws.
 */
export async function followUntil({ ends, turn, ...options }: JobToStop): Promise<Training> {
  const { trainer, jobId, spec, signal } = options;
  const failure = new AbortController();
  const reached: TrainedSnapshot[] = [];
  let end: number | undefined;
  let heard = 0;
  let asking = Promise.resolve();
  const ask = async (snapshot: TrainedSnapshot): Promise<void> => {
    if (end !== undefined || failure.signal.aborted) return;
    reached.push(snapshot);
    if (!(await ends(snapshot))) return;
    end = snapshot.step;
    // A trainer that is down is told by `followJob` when it is back.
    await trainer.cancelJob({ jobId }, { signal }).catch(() => {});
  };
  const hear = (job: Job): void => {
    for (const snapshot of trainingOf(job, spec).regular) {
      if (snapshot.step <= heard) continue;
      heard = snapshot.step;
      asking = asking.then(() => ask(snapshot));
      asking.catch((error: unknown) => failure.abort(error));
    }
  };
  try {
    const followed = await turn(async () => {
      // What an earlier sitting has left may be enough.
      const create = () => trainer.createJob({ jobId, spec }, { signal });
      const { job } = await outlastRestarts([trainer], create, { signal });
      if (job !== undefined) hear(job);
      await asking;
      return followJob({
        ...options,
        heard: hear,
        mayEnd: () => end !== undefined,
        signal: AbortSignal.any([signal, failure.signal]),
      });
    });
    hear(followed.job);
    await asking;
    const last = end;
    if (last === undefined) return { ...trainingOf(followed.job, spec), metrics: followed.metrics };
    return {
      snapshots: reached,
      metrics: followed.metrics.filter(({ step }) => step <= last),
      warnings: followed.job.alarms.filter(({ step }) => step <= last).map(({ message }) => message),
    };
  } catch (error) {
    throw failure.signal.aborted ? failure.signal.reason : error;
  }
}
