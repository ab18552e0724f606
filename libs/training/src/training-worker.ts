// A thread that runs one training job: computing occupies it, so that the service's own thread stays free.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createObjective, type ObjectiveSpec } from './objective-spec.ts';
import { type RunOptions, runTraining, type TrainingEvent, type TrainingOptions } from './run-training.ts';

/** What a job's thread is started with: options with the objective as plain data. */
export interface TrainingTask {
  readonly options: Omit<TrainingOptions, 'objective'> & { readonly objective: ObjectiveSpec };
  readonly run: Omit<RunOptions, 'signal'>;
}

/** What a job's thread is told: that its last event has been dealt with, or to end after its step. */
export type WorkerOrder = 'taken' | 'cancel';

/** What a job's thread reports. */
export type WorkerMessage =
  | TrainingEvent
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string; readonly cancelled: boolean };

if (!isMainThread && parentPort) {
  const port = parentPort;
  const { options, run } = workerData as TrainingTask;
  const controller = new AbortController();
  let taken = (): void => {};
  port.on('message', (order: WorkerOrder) => {
    if (order === 'cancel') controller.abort();
    taken();
  });
  const report = (message: WorkerMessage): void => port.postMessage(message);
  try {
    for await (const event of runTraining(
      { ...options, objective: createObjective(options.objective) },
      { ...run, signal: controller.signal },
    )) {
      const dealtWith = new Promise<void>((resolve) => (taken = resolve));
      report(event);
      // A checkpoint comes after what was said of its step has been kept: who continues from it would not hear of the step again.
      if (!controller.signal.aborted) await dealtWith;
    }
    report({ type: 'done' });
  } catch (error) {
    report({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
      cancelled: controller.signal.aborted,
    });
  }
  port.close();
}
