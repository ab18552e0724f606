// A rendezvous: several who give and one who takes. Who gives waits until it was taken, so that nothing piles up in between.

interface Offer<Item> {
  readonly item: Item;
  readonly taken: () => void;
}

/** Hands items over, one by one. */
export class Rendezvous<Item> {
  #offers: Offer<Item>[] = [];
  #ended: { readonly error?: unknown } | undefined;
  #wake: () => void = () => {};

  /** Resolves when the item was taken, or nobody takes any more. */
  put(item: Item): Promise<void> {
    if (this.#ended !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#offers.push({ item, taken: resolve });
      this.#wake();
    });
  }

  /** No items will follow. @param failure what the taker is to throw after the last one. */
  end(failure: { readonly error?: unknown } = {}): void {
    this.#ended ??= failure;
    this.#wake();
  }

  /** What was put, in that order. Leaving lets everybody go who still waits. */
  async *take(): AsyncGenerator<Item> {
    try {
      for (;;) {
        for (let offer = this.#offers.shift(); offer !== undefined; offer = this.#offers.shift()) {
          offer.taken();
          yield offer.item;
        }
        if (this.#ended !== undefined) {
          if ('error' in this.#ended) throw this.#ended.error;
          return;
        }
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#ended ??= {};
      for (const { taken } of this.#offers.splice(0)) taken();
    }
  }
}
