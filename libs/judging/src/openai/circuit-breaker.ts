// A circuit breaker: after so many failures in a row nobody asks any more until a pause is over; then one may try.

/** When to open, and for how long. */
export interface CircuitBreakerOptions {
  /** Failures in a row, each after all of its own retries. Default 3. */
  readonly threshold?: number;
  /** Pause before somebody may try again, milliseconds. Default 5 s. */
  readonly pauseMs?: number;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

/** Refuses a call while the circuit is open; the message holds the last failure. */
export class CircuitOpen extends Error {
  override readonly name = 'CircuitOpen';
}

/** Counts failures in a row and says who may call. */
export class CircuitBreaker {
  readonly #threshold: number;
  readonly #pauseMs: number;
  readonly #now: () => number;
  #failures = 0;
  #last = '';
  #until = 0;
  #trial = false;

  constructor({ threshold = 3, pauseMs = 5_000, now = () => performance.now() }: CircuitBreakerOptions = {}) {
    this.#threshold = threshold;
    this.#pauseMs = pauseMs;
    this.#now = now;
  }

  /** Whether calls are refused, but for a single one that tries when the pause is over. */
  get open(): boolean {
    return this.#failures >= this.#threshold;
  }

  /**
   * Runs a call.
   *
   * @param isFailure Which errors are the other side's failures; others close the circuit, since somebody answered.
   * @throws {CircuitOpen} instead of calling while the circuit is open; otherwise what the call throws.
   */
  async call<Result>(work: () => Promise<Result>, isFailure: (error: unknown) => boolean): Promise<Result> {
    const trial = this.open;
    if (trial) {
      const wait = this.#until - this.#now();
      if (wait > 0 || this.#trial)
        throw new CircuitOpen(`${this.#last} (failed ${this.#failures} times in a row, not asked for now)`);
      this.#trial = true;
    }
    try {
      const result = await work();
      this.#failures = 0;
      return result;
    } catch (error) {
      if (isFailure(error)) {
        this.#failures++;
        this.#last = error instanceof Error ? error.message : String(error);
        this.#until = this.#now() + this.#pauseMs;
      } else {
        this.#failures = 0;
      }
      throw error;
    } finally {
      if (trial) this.#trial = false;
    }
  }
}
