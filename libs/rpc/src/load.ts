// The load of a lane: how much one of several servers has been given and not yet answered, and how fast it answers. Work is dealt to the
// lane that would be done with it first, so that a slow server gets less of it, and none is left holding the rest at the end.

/** Answers that an estimate of the pace remembers, about. */
const MEMORY = 200;
/** Answers before there is an estimate. */
const FEWEST = 8;
/** Items that a lane is given before anything is known of it. */
const FIRST_WINDOW = 16;

/** What one lane has in hand. */
export class Load {
  /** Whether the lane waits for work now: only those that do are dealt to. */
  hungry = false;
  #open = 0;
  #since = 0;
  #answers = 0;
  #milliseconds = 0;
  #heard = 0;

  /** Items given and not yet answered. */
  get open(): number {
    return this.#open;
  }

  /** Items that it may have in hand: few at first, lest a slow lane gets many before that is known, and one more for every answer. */
  get window(): number {
    return FIRST_WINDOW + this.#heard;
  }

  /** Milliseconds from one answer to the next while there is something to answer; undefined before there were enough of them. */
  get pace(): number | undefined {
    return this.#heard < FEWEST ? undefined : this.#milliseconds / this.#answers;
  }

  /** An item was given. */
  start(now = performance.now()): void {
    if (this.#open++ === 0) this.#since = now;
  }

  /** An item was answered. */
  finish(now = performance.now()): void {
    const kept = 1 - 1 / MEMORY;
    this.#answers = this.#answers * kept + 1;
    this.#milliseconds = this.#milliseconds * kept + (now - this.#since);
    this.#since = now;
    this.#heard++;
    this.#open--;
  }

  /** All that was given is taken back. */
  clear(): void {
    this.#open = 0;
  }
}

/** Whether the next item belongs to `lane`: no other lane that waits for work would be done with it sooner. */
export function isNext(lane: Load, lanes: Iterable<Load>): boolean {
  const rivals = [...lanes].filter((other) => other !== lane && other.hungry);
  if (rivals.length === 0) return true;
  // A server that has not answered yet is thought as fast as the fastest.
  const known = [lane, ...rivals].flatMap(({ pace }) => (pace === undefined ? [] : [pace]));
  const fastest = known.length === 0 ? 1 : Math.min(...known);
  const delay = ({ open, pace = fastest }: Load): number => (open + 1) * Math.max(pace, Number.EPSILON);
  return rivals.every((other) => delay(other) >= delay(lane));
}
