// The comparisons of one stream that were sent and not yet answered: bounds how many there are, and notices answers to
// nothing and missing answers.

/** Bookkeeping of one stream. */
export class InFlight {
  readonly #ids = new Set<string>();
  readonly #limit: number;
  #wake: () => void = () => {};
  #closed = false;

  /** @param limit most ids in flight, at least 1. */
  constructor(limit: number) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new RangeError(`maxInFlight: expected an integer of at least 1, got ${limit}`);
    }
    this.#limit = limit;
  }

  /**
   * Waits for room, then takes an id in. One caller at a time.
   *
   * @throws Error when the stream was closed.
   */
  async start(id: string): Promise<void> {
    while (this.#ids.size >= this.#limit && !this.#closed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#closed) throw new Error('the stream of comparisons was closed');
    this.#ids.add(id);
  }

  /** Lets an id go. @throws Error when it is not in flight. */
  finish(id: string): void {
    if (!this.#ids.delete(id)) {
      throw new Error(`the generator answered ${JSON.stringify(id)}, which is no comparison in flight`);
    }
    this.#wake();
  }

  /** @throws Error when an id is still in flight. */
  requireNone(): void {
    const [id] = this.#ids;
    if (id !== undefined) {
      throw new Error(
        `the generator ended its answers with ${this.#ids.size} comparisons open, ${JSON.stringify(id)} first`,
      );
    }
  }

  /** Ends the stream; whoever waits for room is refused. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }
}
