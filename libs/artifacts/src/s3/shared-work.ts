// Work that several ask for at once and that is done once. It ends early when nobody waits for it any more.

interface Piece<Result> {
  readonly result: Promise<Result>;
  readonly ending: AbortController;
  waiting: number;
}

/** Pieces of work under way, by name. */
export class SharedWork<Result> {
  readonly #pieces = new Map<string, Piece<Result>>();

  /** Waits for the work of that name, which is begun when it is not under way. @throws the signal's reason */
  async join(
    name: string,
    work: (signal: AbortSignal) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const piece = this.#pieces.get(name) ?? this.#begin(name, work);
    piece.waiting += 1;
    let leave = (): void => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal?.reason);
      signal?.addEventListener('abort', leave, { once: true });
    });
    left.catch(() => {});
    try {
      return await Promise.race([piece.result, left]);
    } finally {
      signal?.removeEventListener('abort', leave);
      piece.waiting -= 1;
      if (piece.waiting === 0) {
        if (this.#pieces.get(name) === piece) this.#pieces.delete(name);
        piece.ending.abort(new Error('nobody waits for it any more'));
      }
    }
  }

  #begin(name: string, work: (signal: AbortSignal) => Promise<Result>): Piece<Result> {
    const ending = new AbortController();
    const piece: Piece<Result> = { result: work(ending.signal), ending, waiting: 0 };
    piece.result
      .catch(() => {})
      .finally(() => {
        if (this.#pieces.get(name) === piece) this.#pieces.delete(name);
      });
    this.#pieces.set(name, piece);
    return piece;
  }
}
