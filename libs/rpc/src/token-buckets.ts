// Token buckets: how often each of many callers may do something. A bucket holds one second's worth, so that whoever pauses may
// catch up for a second, and no more.

interface Bucket {
  tokens: number;
  /** When `tokens` was right, in milliseconds of the clock. */
  at: number;
}

// A caller that nobody has heard of for long has a full bucket again, which needs no memory.
const MOST_CALLERS = 10_000;

/** One bucket per caller. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #now: () => number;
  /** Least recently used first. */
  readonly #buckets = new Map<string, Bucket>();

  /** `perSecond` tokens flow into every bucket. `now` is a clock in milliseconds; default: the process's. */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** How many callers are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token of `caller`. Returns 0, or the milliseconds until there is one when there is none. */
  take(caller: string): number {
    const now = this.#now();
    const { tokens, at } = this.#buckets.get(caller) ?? { tokens: this.#perSecond, at: now };
    const filled = Math.min(this.#perSecond, tokens + ((now - at) * this.#perSecond) / 1000);
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { tokens: filled < 1 ? filled : filled - 1, at: now });
    this.#forget(now);
    return filled < 1 ? ((1 - filled) * 1000) / this.#perSecond : 0;
  }

  /** Forgets those whose bucket is full again, and beyond a bound those who have been silent the longest. */
  #forget(now: number): void {
    for (const [caller, { at }] of this.#buckets) {
      if (now - at < 1000 && this.#buckets.size <= MOST_CALLERS) return;
      this.#buckets.delete(caller);
    }
  }
}
