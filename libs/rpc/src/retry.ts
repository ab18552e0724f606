// Retries: how often and after which pauses a call that found no server is tried again.
import { status } from '@grpc/grpc-js';
import { RpcError } from './error.ts';

/** When to try again. Only UNAVAILABLE is retried, and a stream only as long as it has delivered nothing. */
export interface RetryPolicy {
  /** Tries after the first; 0 never tries again. Default 5. */
  retries: number;
  /** Upper bound of the first pause; it doubles with every further one. Default 200 ms. */
  initialDelayMs: number;
  /** Upper bound of every pause. Default 5000 ms. */
  maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { retries: 5, initialDelayMs: 200, maxDelayMs: 5000 };

/**
 * The pause before try `attempt + 1` (from 0), or undefined when there is none: another error than UNAVAILABLE, no tries left, or
 * no time left before the deadline. Full jitter: uniform between 0 and the exponentially growing bound
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), so that clients of a restarted server spread out;
 * no result depends on it, which is why it needs no seed.
 */
export function retryDelay(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  deadline: Date,
): number | undefined {
  if (!(error instanceof RpcError) || error.code !== status.UNAVAILABLE || attempt >= policy.retries)
    return undefined;
  const delay = Math.random() * Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** attempt);
  return Date.now() + delay < deadline.getTime() ? delay : undefined;
}
