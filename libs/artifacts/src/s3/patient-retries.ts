// When a request that failed for no fault of its own is sent again: after pauses that grow, for as long as the service may take to come
// back. The SDK's own strategies count tries, and share a budget of them, which a restarting service would use up in a second.
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { saysFull, saysUnsupported } from './s3-errors.ts';

type Strategy = Exclude<NonNullable<S3ClientConfig['retryStrategy']>, { retry: unknown }>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>;
type Failure = Parameters<Strategy['refreshRetryTokenForRetry']>[1];

const FIRST_MS = 100;
const LONGEST_MS = 5000;
/** However long one try took. */
const LEAST_TRIES = 3;

/** A token of one request. */
class Patience implements Token {
  readonly since: number;
  readonly tries: number;
  readonly #delay: number;

  constructor(since: number, tries: number, delay: number) {
    this.since = since;
    this.tries = tries;
    this.#delay = delay;
  }

  getRetryCount(): number {
    return this.tries;
  }

  getRetryDelay(): number {
    return this.#delay;
  }
}

/** The pause before try `tries + 1`, milliseconds; `random` is in [0, 1). */
export function pauseAfter(tries: number, random = Math.random()): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 20)) * (0.5 + 0.5 * random);
}

/** Tries again until `patienceMs` are over. */
export class PatientRetries implements Strategy {
  readonly #patienceMs: () => number;
  readonly #onSuccess: () => void;

  constructor(patienceMs: () => number, onSuccess: () => void) {
    this.#patienceMs = patienceMs;
    this.#onSuccess = onSuccess;
  }

  async acquireInitialRetryToken(): Promise<Token> {
    return new Patience(performance.now(), 0, 0);
  }

  async refreshRetryTokenForRetry(
    token: Token,
    { error, errorType, retryAfterHint }: Failure,
  ): Promise<Token> {
    const since = token instanceof Patience ? token.since : performance.now();
    const tries = token.getRetryCount() + 1;
    const asked = retryAfterHint === undefined ? 0 : retryAfterHint.getTime() - Date.now();
    const delay = Math.max(pauseAfter(tries - 1), Math.min(asked, LONGEST_MS));
    const over = performance.now() - since + delay > this.#patienceMs() && tries >= LEAST_TRIES;
    // What the service does not know, it will not learn.
    const hopeless = errorType === 'CLIENT_ERROR' || saysUnsupported(error) || saysFull(error);
    if (hopeless || over) throw new Error('no more tries');
    return new Patience(since, tries, delay);
  }

  recordSuccess(): void {
    this.#onSuccess();
  }
}
