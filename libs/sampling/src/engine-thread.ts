// The pool's side of one worker thread: starts it, routes its messages to the jobs it works on, and notices its end.
import { Worker } from 'node:worker_threads';
import { type WorkListener } from './engine-work.ts';
import { errorOf, WorkerCrashError } from './sampling-error.ts';
import { type FromWorker, type ToWorker, type WorkerSettings } from './sampling-messages.ts';

/** A message that belongs to a job. */
export type JobMessage = Extract<FromWorker, { readonly job: number }>;

/** Jobs of different lanes share a thread step by step; of one lane, one computes at a time. */
export type Lane = 'encoding' | 'sampling' | 'scoring';

/** What a thread is working on. */
export interface ThreadJob {
  readonly lane: Lane;
  /** Whether it computes now: a job that waits for its reader leaves the thread to others. */
  readonly busy: boolean;
  /** Hears what the thread has computed for it. */
  readonly onWork?: WorkListener | undefined;
  /** Hears everything but its work and its end. */
  receive(message: JobMessage): void;
  /** Its end; with an error when it failed. The thread no longer knows the job. */
  end(error?: Error): void;
}

/** A running worker thread. */
export class EngineThread {
  readonly index: number;
  private readonly worker: Worker;
  private readonly jobs = new Map<number, ThreadJob>();
  private readonly onIdle: () => void;
  private readonly exited: Promise<void>;
  private closing = false;
  private nextJob = 0;

  /**
   * Starts a thread; `onIdle` is called whenever it may have time, `onCrash` when it ends by itself.
   *
   * @throws {ModelError} when the model folder cannot be used.
   */
  static async start(
    index: number,
    settings: WorkerSettings,
    onIdle: () => void,
    onCrash: (error: WorkerCrashError) => void,
  ): Promise<EngineThread> {
    // Options of this process such as --import would start telemetry once more in every thread.
    const worker = new Worker(new URL('./sampling-worker.ts', import.meta.url), {
      workerData: settings,
      execArgv: [],
      name: `sampling-${index}`,
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onMessage = (message: FromWorker): void =>
      message.type === 'unusable' ? reject(errorOf(message.failure)) : resolve();
    const onExit = (code: number): void =>
      reject(new WorkerCrashError(`Sampling worker ${index} ended with code ${code} while it started`));
    worker.on('message', onMessage).on('error', reject).on('exit', onExit);
    try {
      await promise;
    } finally {
      worker.off('message', onMessage).off('error', reject).off('exit', onExit);
    }
    return new EngineThread(index, worker, onIdle, onCrash);
  }

  private constructor(
    index: number,
    worker: Worker,
    onIdle: () => void,
    onCrash: (error: WorkerCrashError) => void,
  ) {
    this.index = index;
    this.worker = worker;
    this.onIdle = onIdle;
    let cause: unknown;
    worker.on('message', (message: FromWorker) => this.receive(message));
    worker.on('error', (error: unknown) => {
      cause = error;
    });
    this.exited = new Promise((resolve) =>
      worker.once('exit', (code) => {
        const reason = cause instanceof Error ? cause.message : `it exited with code ${code}`;
        const error = new WorkerCrashError(
          this.closing
            ? `Sampling worker ${index} was closed`
            : `Sampling worker ${index} crashed: ${reason}. Its jobs are lost, try them again`,
          { cause },
        );
        const lost = [...this.jobs.values()];
        this.jobs.clear();
        for (const job of lost) job.end(error);
        if (!this.closing) onCrash(error);
        resolve();
      }),
    );
  }

  /** Whether a job of this lane computes. */
  busy(lane: Lane): boolean {
    return [...this.jobs.values()].some((job) => job.lane === lane && job.busy);
  }

  /** Starts a job: `message` tells the thread what to do under the job's number. */
  run(job: ThreadJob, message: (number: number) => ToWorker): number {
    const number = this.nextJob++;
    this.jobs.set(number, job);
    this.post(message(number));
    return number;
  }

  /** Sends a message of a job that runs. */
  post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  /** Ends the thread after the step that it computes now. Never terminate it within one: the engine would end the process. */
  async close(): Promise<void> {
    this.closing = true;
    this.post({ type: 'close' });
    await this.exited;
  }

  /** Lets the thread crash; for tests of what follows. */
  crash(): void {
    this.post({ type: 'crash' });
  }

  private receive(message: FromWorker): void {
    if (!('job' in message)) return;
    const job = this.jobs.get(message.job);
    if (message.type === 'done' || message.type === 'failed') {
      this.jobs.delete(message.job);
      job?.end(message.type === 'failed' ? errorOf(message.failure) : undefined);
    } else if (message.type === 'work') {
      for (const done of message.work) job?.onWork?.(done);
      return;
    } else {
      job?.receive(message);
    }
    this.onIdle();
  }
}
