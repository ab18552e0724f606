// A thread that runs one training job: computing occupies it, so that the service's own thread stays free.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createObjective, type ObjectiveSpec } from './objective-spec.ts';
import { type RunOptions, runTraining, type TrainingEvent, type TrainingOptions } from './run-training.ts';

/** What a job's thread is started with: options with the objective as plain data. */
export interface TrainingTask {
  readonly options: Omit<TrainingOptions, 'objective'> & { readonly objective: ObjectiveSpec };
  readonly run: Omit<RunOptions, 'signal'>;
}

/** What a job's thread reports. */
export type WorkerMessage =
  | TrainingEvent
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string; readonly cancelled: boolean };

if (!isMainThread && parentPort) {
  const port = parentPort;
  const { options, run } = workerData as TrainingTask;
  const controller = new AbortController();
  port.on('message', () => controller.abort());
  const report = (message: WorkerMessage): void => port.postMessage(message);
  try {
    for await (const event of runTraining(
      { ...options, objective: createObjective(options.objective) },
      { ...run, signal: controller.signal },
    )) {
      report(event);
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
