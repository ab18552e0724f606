// Many requests in progress at once: the shape of a stream handler whose answers may come in another order than its requests.
import { abortable } from './abort.ts';

/** How many at once, and until when. */
export interface ConcurrencyOptions {
  /** Most items in progress, at least 1. */
  limit: number;
  /** Ends the iteration with its reason. */
  signal?: AbortSignal;
}

/**
 * Results of `work` in completion order with at most `limit` items in progress. Pulls the next item only when a place is free, and
 * holds results until they are read: a place is free again when its result was taken, so nothing piles up behind a slow reader. The first error ends it; `work`
 * sees that through its signal.
 */
export async function* mapConcurrent<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  { limit, signal }: ConcurrencyOptions,
): AsyncGenerator<Result> {
  if (!Number.isInteger(limit) || limit < 1)
    throw new RangeError(`mapConcurrent: limit is ${limit}, expected an integer ≥ 1`);
  const ended = new AbortController();
  const stop = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  type Event = { pull: IteratorResult<Item> } | { id: number; result: Result };
  const running = new Map<number, Promise<Event>>();
  let pull: Promise<Event> | undefined;
  let exhausted = false;
  let nextId = 0;
  try {
    for (;;) {
      if (!exhausted && pull === undefined && running.size < limit) {
        pull = Promise.resolve(source.next()).then((next) => ({ pull: next }));
      }
      const waiting = [...running.values(), ...(pull === undefined ? [] : [pull])];
      if (waiting.length === 0) return;
      const event = await abortable(Promise.race(waiting), stop);
      if ('result' in event) {
        running.delete(event.id);
        yield event.result;
      } else {
        pull = undefined;
        if (event.pull.done === true) {
          exhausted = true;
        } else {
          const id = nextId;
          nextId += 1;
          running.set(
            id,
            work(event.pull.value, stop).then((result) => ({ id, result })),
          );
        }
      }
    }
  } finally {
    ended.abort();
    for (const promise of running.values()) promise.catch(() => undefined);
    pull?.catch(() => undefined);
    if (!exhausted) void Promise.resolve(source.return?.()).catch(() => undefined);
  }
}
