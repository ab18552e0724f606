// Follow: a job of the trainer, watched until it ends, across restarts of the trainer and of this process.
import { type Job, JobState, type TrainingSpec } from '@overtone/contracts';
import { RpcError } from '@overtone/rpc';
import type { Stage } from '../progress.ts';
import { outlastRestarts, type Services } from '../services.ts';

/** A job to follow. */
export interface JobToFollow {
  readonly trainer: Services['trainer'];
  /** The job's id; with the same specification, the same job. */
  readonly jobId: string;
  readonly spec: TrainingSpec;
  /** Counts the steps; the caller has told it how many, unless the specification leaves that to the job. */
  readonly stage: Stage;
  readonly signal: AbortSignal;
  /** Hears of the job's state whenever it changes. */
  readonly heard?: (job: Job) => void;
  /** Hears of every step's metrics; of those of an earlier sitting too. */
  readonly stepped?: (step: number, values: Readonly<Record<string, number>>) => void;
  /** Whether the job is to be cancelled, and may end so. Default: it is not. */
  readonly mayEnd?: () => boolean;
}

/**
 * Creates a job, or joins it, and watches it to its end, also when the trainer dies and comes back in between.
 *
 * @throws Error when the job fails, or is cancelled and may not be.
 */
export async function followJob({
  trainer,
  jobId,
  spec,
  stage,
  signal,
  heard = () => {},
  stepped = () => {},
  mayEnd = () => false,
}: JobToFollow) {
  const options = { signal };
  const metrics = new Map<number, Record<string, number>>();
  let seen = 0;
  let counted = spec.steps > 0;
  /** A job that makes one pass says itself how many steps that takes. */
  const countSteps = (job: Job | undefined): void => {
    if (counted || job === undefined || job.steps === 0) return;
    stage.expect(job.steps);
    counted = true;
  };
  return outlastRestarts(
    [trainer],
    async (progressed) => {
      const { job: created } = await trainer.createJob({ jobId, spec, resume: !mayEnd() }, options);
      let job = ended(created, mayEnd);
      // A trainer that was told to cancel it may not have lived to do so.
      if (job === undefined && mayEnd()) await trainer.cancelJob({ jobId }, options);
      // The metrics of a job that has ended are there to be read.
      while (job === undefined || seen < job.step) {
        const before = seen;
        countSteps((await trainer.getJob({ jobId }, options)).job);
        try {
          for await (const { event } of trainer.watchJob({ jobId, afterStep: seen }, options)) {
            if (event?.$case === 'step') {
              const { loss } = event.value.values;
              metrics.set(event.value.step, event.value.values);
              stepped(event.value.step, event.value.values);
              if (loss !== undefined) stage.note(`loss ${loss.toPrecision(3)}`);
              stage.advance(Math.max(0, event.value.step - seen));
              seen = Math.max(seen, event.value.step);
              progressed();
            } else if (event?.$case === 'job') {
              countSteps(event.value);
              heard(event.value);
              job = ended(event.value, mayEnd);
            }
            if (job !== undefined && seen >= job.step) break;
          }
        } catch (error) {
          if (!(error instanceof RpcError) || error.codeName !== 'DEADLINE_EXCEEDED') throw error;
        }
        job ??= ended((await trainer.getJob({ jobId }, options)).job, mayEnd);
        // Those of a job from elsewhere may not be.
        if (job !== undefined && seen === before) break;
      }
      // Steps that a job which has ended does not send again count as done.
      stage.advance(Math.max(0, job.steps - seen));
      seen = job.steps;
      const rows = [...metrics]
        .sort(([left], [right]) => left - right)
        .map(([step, values]) => ({ step, values }));
      return { job, metrics: rows };
    },
    options,
  );
}

/**
 * The job when it has ended well, undefined while it is under way.
 *
 * @throws Error when it failed; where its disk was full, one that is waited out, and the job goes on.
 */
function ended(job: Job | undefined, mayEnd: () => boolean): Job | undefined {
  if (job === undefined) throw new Error('the trainer answered without a job');
  switch (job.state) {
    case JobState.JOB_STATE_SUCCEEDED:
      return job;
    case JobState.JOB_STATE_FAILED:
      throw new Error(`training failed at step ${job.step} of ${job.steps}: ${job.error}`);
    case JobState.JOB_STATE_CANCELLED:
      if (mayEnd()) return job;
      throw new Error(`training was cancelled at step ${job.step} of ${job.steps}`);
    default:
      return undefined;
  }
}
