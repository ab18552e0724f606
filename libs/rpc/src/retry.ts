// Retries: how often and after which pauses a call is tried again that found no server, or one with too much to do.
import { status } from '@grpc/grpc-js';
import { logger } from '@overtone/telemetry';
import { RpcError } from './error.ts';

/**
 * When to try again. UNAVAILABLE is, `retries` times; RESOURCE_EXHAUSTED with the server's word on when to come back is, until the
 * deadline; a stream only as long as it has delivered nothing.
 */
export interface RetryPolicy {
  /** Tries after the first; 0 never tries again. Default 5. */
  retries: number;
  /** Upper bound of the first pause; it doubles with every further one. Default 200 ms. */
  initialDelayMs: number;
  /** Upper bound of every pause. Default 5000 ms. */
  maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { retries: 5, initialDelayMs: 200, maxDelayMs: 5000 };

/** Whether a server refused a call because it had too much to do, and said when to come back. */
export function isShed(error: unknown): error is RpcError & { pushbackMs: number } {
  return (
    error instanceof RpcError && error.code === status.RESOURCE_EXHAUSTED && error.pushbackMs !== undefined
  );
}

// Half a minute's worth of refusals.
const WORTH_SAYING = 10;

/**
 * The tries of one call. Pauses are jittered, so that clients of a restarted or busy server spread out; no result depends on them,
 * which is why they need no seed.
 */
export class Retries {
  readonly #policy: RetryPolicy;
  readonly #deadline: number;
  #failures = 0;
  #shed = 0;

  constructor(policy: RetryPolicy, deadline: Date) {
    this.#policy = policy;
    this.#deadline = deadline.getTime();
  }

  /** How many tries have ended and are followed by another. */
  get made(): number {
    return this.#failures + this.#shed;
  }

  /** The pause before the next try, in milliseconds; undefined when there is none: another error, no tries or no time left. */
  after(error: unknown): number | undefined {
    const pause = this.#pause(error);
    return pause !== undefined && Date.now() + pause < this.#deadline ? pause : undefined;
  }

  #pause(error: unknown): number | undefined {
    const { retries, initialDelayMs, maxDelayMs } = this.#policy;
    if (retries <= 0) return undefined;
    if (isShed(error)) {
      // At least what the server asks for, and longer each time: whoever is refused again and again asks for nothing that is soon free.
      const { pushbackMs, message } = error;
      if (this.#shed === WORTH_SAYING)
        logger('rpc').warn('a call waits for a server that has too much to do', { reason: message });
      const least = Math.max(pushbackMs, Math.min(maxDelayMs, pushbackMs * 1.5 ** this.#shed++));
      return least * (1 + Math.random() / 2);
    }
    if (!(error instanceof RpcError) || error.code !== status.UNAVAILABLE || this.#failures >= retries)
      return undefined;
    // Full jitter: uniform between 0 and the exponentially growing bound
    // (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
    return Math.random() * Math.min(maxDelayMs, initialDelayMs * 2 ** this.#failures++);
  }
}
