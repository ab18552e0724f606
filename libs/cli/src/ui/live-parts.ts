// What several browsers look at, read once: the parts of a page, at most so often.
import type { Sections } from './run-sections.ts';

/** A page's parts, as fresh as asked for. */
export class LiveParts {
  readonly #read: () => Promise<Sections>;
  readonly #freshMs: number;
  #at = -Infinity;
  #reading: Promise<Sections> | undefined;

  /** @param freshMs how long what was read may be shown. */
  constructor(read: () => Promise<Sections>, freshMs: number) {
    this.#read = read;
    this.#freshMs = freshMs;
  }

  /** The parts. */
  get(): Promise<Sections> {
    const now = performance.now();
    if (this.#reading === undefined || now - this.#at >= this.#freshMs) {
      this.#at = now;
      // One at a time: a follower's place in a file moves while it reads.
      this.#reading = Promise.resolve(this.#reading)
        .catch(() => {})
        .then(this.#read);
    }
    return this.#reading;
  }
}
