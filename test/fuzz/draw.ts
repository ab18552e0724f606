// Draws of one malformed request: all of them follow from its key, so that any request of a campaign can be made again by itself.
import { seededRandom } from '@overtone/statistics';

/** A source of choices. */
export class Draw {
  readonly #random: () => number;

  constructor(...key: readonly (string | number)[]) {
    this.#random = seededRandom(...key);
  }

  /** An integer in [0, count); 0 where the count is. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** One of at least one. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = this.below(256);
    return bytes;
  }
}
