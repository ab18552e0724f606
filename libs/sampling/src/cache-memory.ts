// The memory that caches of keys and values may take: runs take their share when they start and wait while there is none.
import { SamplingInputError } from './sampling-error.ts';

/** A run's share. */
export interface CacheShare {
  /** Units granted, at least as many as were needed. */
  readonly units: number;
  /** Gives the share back. Once. */
  release(): void;
}

/** A number of bytes, shared out. */
export class CacheMemory {
  private readonly bytes: number;
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param bytes All that may be taken. */
  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** The share that is taken. */
  get use(): number {
    return this.taken / this.bytes;
  }

  /**
   * Takes up to `most` units of `unitBytes`, at least `least` of them; waits while others hold too much for that.
   *
   * @throws {SamplingInputError} when `least` units are more than there ever are.
   */
  async take(
    unitBytes: number,
    least: number,
    most: number,
    what: string,
    signal?: AbortSignal,
  ): Promise<CacheShare> {
    if (unitBytes * least > this.bytes) {
      throw new SamplingInputError(
        0,
        `${what} needs ${mebibytes(unitBytes * least)} MiB of key-value cache, ${mebibytes(this.bytes)} MiB are allowed: allow more (OVERTONE_KV_CACHE), or lower max_new_tokens`,
      );
    }
    while (this.taken + unitBytes * least > this.bytes) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = (): void => reject(signal?.reason);
      signal?.throwIfAborted();
      signal?.addEventListener('abort', abort, { once: true });
      this.waiting.push(resolve);
      try {
        await promise;
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    }
    const units = Math.min(most, Math.floor((this.bytes - this.taken) / unitBytes));
    const bytes = units * unitBytes;
    this.taken += bytes;
    return {
      units,
      release: () => {
        this.taken -= bytes;
        for (const wake of this.waiting.splice(0)) wake();
      },
    };
  }
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
