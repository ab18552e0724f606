// A server's errors as statuses.
import { ServerError } from '@overtone/openai/server-error';
import { failedPrecondition, resourceExhausted, unavailable } from '@overtone/rpc';

/** The status for an error of an OpenAI-compatible server. Others pass through, and so does an answer that cannot be read: INTERNAL. */
export function serverStatus(error: unknown): unknown {
  if (!(error instanceof ServerError)) return error;
  switch (error.kind) {
    case 'refused':
    case 'set-up':
      return failedPrecondition(error.message);
    case 'busy':
      return resourceExhausted(error.message);
    case 'unreachable':
      return unavailable(error.message);
    case 'malformed':
      return error;
  }
}
