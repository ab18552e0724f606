// The pool's errors as statuses.
import { invalidArgument, unavailable } from '@overtone/rpc';
import { SamplingInputError, WorkerCrashError } from '@overtone/sampling';
import { ModelError } from '@overtone/language-model';

/** The status for an error of the pool; `field` names the prompt or item with an index. Others pass through. */
export function poolError(error: unknown, field: (item: number) => string): unknown {
  if (error instanceof SamplingInputError) return invalidArgument(field(error.item), error.message);
  if (error instanceof WorkerCrashError) return unavailable(error.message);
  // The model itself was checked when the process started.
  if (error instanceof ModelError) return invalidArgument('adapter', error.message);
  return error;
}
