// Batches of what has arrived: large under load, prompt when requests trickle in.

/** How items are put together. */
export interface BatchOptions {
  /** Most items of a batch. */
  readonly size: number;
  /** How long the first item of a batch waits for others, milliseconds. */
  readonly waitMs: number;
}

/** Groups items in order. Reads no further than the batch that is asked for, but for the one item that it waits for. */
export async function* batches<Item>(
  items: AsyncIterable<Item>,
  { size, waitMs }: BatchOptions,
): AsyncGenerator<Item[]> {
  const source = items[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<Item>> | undefined;
  try {
    for (;;) {
      const first = await (pending ?? source.next());
      pending = undefined;
      if (first.done) return;
      const batch = [first.value];
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, waitMs, 'late')));
      try {
        while (batch.length < size) {
          pending ??= source.next();
          const next = await Promise.race([pending, late]);
          if (next === 'late') break;
          if (next.done) break;
          batch.push(next.value);
          pending = undefined;
        }
      } finally {
        clearTimeout(timer);
      }
      yield batch;
    }
  } finally {
    pending?.catch(() => undefined);
    void source.return?.()?.then(undefined, () => undefined);
  }
}
