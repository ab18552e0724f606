// A source of requests that can be read again from its beginning as long as a new try of the call may need it. It remembers a
// bounded number of requests: beyond that it forgets, and the call can no longer be tried again.

const MOST_REMEMBERED = 256;

/** Requests of one streaming call, shared by its tries. */
export class Replay<Request> {
  readonly #source: AsyncIterator<Request> | Iterator<Request>;
  #remembered: Request[] = [];
  /** Index of the first remembered request. */
  #start = 0;
  #pending: Promise<boolean> | undefined;
  #ended = false;
  #replayable = true;
  #readers = 0;

  constructor(requests: AsyncIterable<Request> | Iterable<Request>) {
    this.#source =
      Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
  }

  /** Whether `read` can still start from the first request. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** Promises that no further try will come: requests are forgotten as they are read. */
  forget(): void {
    this.#replayable = false;
  }

  /** All requests from the first on; a new reader ends the one before. */
  async *read(): AsyncGenerator<Request> {
    const reader = (this.#readers += 1);
    for (let index = 0; ; index += 1) {
      while (index - this.#start >= this.#remembered.length) {
        if (!(await this.#pull()) || reader !== this.#readers) return;
      }
      const [request] = this.#remembered.slice(index - this.#start, index - this.#start + 1);
      if (request === undefined) throw new TypeError(`request ${index} of the stream is undefined`);
      if (index + 1 >= MOST_REMEMBERED) this.forget();
      if (!this.#replayable) {
        this.#remembered = this.#remembered.slice(index + 1 - this.#start);
        this.#start = index + 1;
      }
      yield request;
    }
  }

  /** Tells the source that nobody reads on; does not wait for it, since it may itself wait for something that never comes. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    void Promise.resolve(this.#source.return?.()).catch(() => undefined);
  }

  /** Reads one more request from the source; two tries that overlap for a moment share one pull. */
  #pull(): Promise<boolean> {
    this.#pending ??= this.#next().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #next(): Promise<boolean> {
    if (this.#ended) return false;
    let next: IteratorResult<Request>;
    try {
      next = await this.#source.next();
    } catch (error) {
      // A source that threw has ended: reading it again would pass off a part as the whole.
      this.#ended = true;
      this.#replayable = false;
      throw error;
    }
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    this.#remembered.push(next.value);
    return true;
  }
}
