// Watches the loss of a run: a number that is none, or a loss far above those before it, means that the weights are being destroyed.

/** Losses that the running median is of. */
const WINDOW = 20;
/** With fewer losses than this there is no telling what is usual. */
const LEAST = 5;
/** Losses are compared in nats: below one, a loss that doubles says nothing. */
const FLOOR = 1;

/** How many times the running median a loss may be, unless told otherwise. */
export const DEFAULT_MAX_LOSS_RATIO = 100;

/** Judges every step's loss by those of the steps before it. */
export class LossGuard {
  readonly #maxRatio: number;
  #recent: readonly number[];

  /**
   * @param maxRatio Stop at a loss above this many times max(1, |median of the last 20|).
   * @param recent The losses of the last steps of the run that this one continues.
   */
  constructor(maxRatio: number, recent: readonly number[]) {
    this.#maxRatio = maxRatio;
    this.#recent = recent;
  }

  /** The losses that the next is compared with, the oldest first. */
  get recent(): readonly number[] {
    return this.#recent;
  }

  /** What is wrong with a step, in words; undefined when nothing is, and the loss then counts among the recent ones. */
  check(loss: number, gradNorm: number): string | undefined {
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      return `the loss is ${loss} with gradient norm ${gradNorm}`;
    const sorted = this.#recent.map(Math.abs).sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    const limit = this.#maxRatio * Math.max(FLOOR, median);
    if (sorted.length >= LEAST && loss > limit)
      return `the loss is ${loss.toPrecision(4)}, more than ${this.#maxRatio} times the median of the last ${sorted.length} (${median.toPrecision(4)})`;
    this.#recent = [...this.#recent, loss].slice(-WINDOW);
    return undefined;
  }
}
