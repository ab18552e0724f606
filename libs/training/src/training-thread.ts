// Runs a training job in a thread of its own and brings its events to the caller.
import { on, once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type TrainingEvent } from './run-training.ts';
import { TrainingError } from './training-error.ts';
import { type TrainingTask, type WorkerMessage, type WorkerOrder } from './training-worker.ts';

/**
 * Trains in a worker thread; the same events as `runTraining`.
 *
 * @param signal Stops after the current step; the last checkpoint remains.
 * @throws {TrainingError} with the reason when the job fails; the signal's reason when it was cancelled.
 */
export async function* trainInThread(
  task: TrainingTask,
  signal?: AbortSignal,
): AsyncGenerator<TrainingEvent> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('./training-worker.ts', import.meta.url), {
    workerData: task,
    // Options of this process such as --import would start telemetry once more in every thread.
    execArgv: [],
  });
  const exited = once(worker, 'exit');
  const tell = (order: WorkerOrder): void => worker.postMessage(order);
  const cancel = (): void => tell('cancel');
  signal?.addEventListener('abort', cancel);
  try {
    for await (const [message] of on(worker, 'message', { close: ['exit'] }) as AsyncIterable<
      [WorkerMessage]
    >) {
      if (message.type === 'done') return;
      if (message.type === 'failed') {
        if (message.cancelled) signal?.throwIfAborted();
        throw new TrainingError(message.message);
      }
      yield message;
      tell('taken');
    }
    throw new TrainingError('the training thread ended before the job did');
  } finally {
    signal?.removeEventListener('abort', cancel);
    // Never terminated: ending a thread within a step of ONNX Runtime aborts the process.
    cancel();
    await exited;
  }
}
