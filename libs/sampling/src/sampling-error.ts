// The errors of a sampling pool, and their way across threads.
import { ModelError } from '@overtone/language-model';
import { type Failure } from './sampling-messages.ts';

/** A prompt or an item to score that cannot be used. */
export class SamplingInputError extends RangeError {
  override readonly name = 'SamplingInputError';
  /** Its index in the call. */
  readonly item: number;

  constructor(item: number, message: string) {
    super(message);
    this.item = item;
  }
}

/** A worker thread ended unexpectedly. Its jobs are lost; the pool goes on with a new one. */
export class WorkerCrashError extends Error {
  override readonly name = 'WorkerCrashError';
}

/** Describes an error for the other thread. */
export function failureOf(error: unknown, signal?: AbortSignal): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (signal?.aborted) return { kind: 'cancelled', message };
  if (error instanceof SamplingInputError) return { kind: 'input', message, item: error.item };
  if (error instanceof ModelError) return { kind: 'model', message };
  return { kind: 'internal', message: error instanceof Error ? (error.stack ?? message) : message };
}

/** The error that a worker described. */
export function errorOf(failure: Failure): Error {
  switch (failure.kind) {
    case 'input':
      return new SamplingInputError(failure.item ?? 0, failure.message);
    case 'model':
      return new ModelError(failure.message);
    case 'cancelled':
      return new DOMException(failure.message, 'AbortError');
    case 'internal':
      return new Error(`A sampling worker failed: ${failure.message}`);
  }
}
