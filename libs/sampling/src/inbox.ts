// A queue between two parties on one event loop: one puts, the other waits for its turn.

/** Values in the order they were put. One taker at a time. */
export class Inbox<T extends NonNullable<unknown>> {
  private readonly values: T[] = [];
  private failure: { readonly error: Error } | undefined;
  private wake: (() => void) | undefined;

  put(value: T): void {
    this.values.push(value);
    this.wake?.();
  }

  /** Lets `take` reject once the values that are here have been taken. */
  fail(error: Error): void {
    this.failure ??= { error };
    this.wake?.();
  }

  /** The next value; rejects with the signal's reason when it aborts first. */
  async take(signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      const [value] = this.values.splice(0, 1);
      if (value !== undefined) return value;
      if (this.failure) throw this.failure.error;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      this.wake = wake;
      signal?.addEventListener('abort', wake, { once: true });
      await promise;
      signal?.removeEventListener('abort', wake);
    }
  }
}
