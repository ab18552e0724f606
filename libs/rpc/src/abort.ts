// Waiting that an AbortSignal can end. Each wait removes its listener again: a stream of a million messages shares one signal.

/** `promise`, or a rejection with the signal's reason as soon as it aborts. */
export function abortable<T>(promise: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
  });
}

/** Waits; rejects with the signal's reason when it aborts first. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return abortable(waited, signal).finally(() => clearTimeout(timer));
}

interface Drainable {
  once(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

/** Resolves when a stream takes more writes, or never will again (closed, failed, aborted). */
export function drained(stream: Drainable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      stream.off('error', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) return resolve();
    stream.once('drain', done);
    stream.once('close', done);
    stream.once('error', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Items until a signal says that it is enough: then it ends, and asks for no more. */
export async function* until<Item>(items: AsyncIterable<Item>, enough: AbortSignal): AsyncGenerator<Item> {
  const source = items[Symbol.asyncIterator]();
  try {
    while (!enough.aborted) {
      const next = await abortable(source.next(), enough);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    if (!enough.aborted) throw error;
  }
}
