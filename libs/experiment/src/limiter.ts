// A limiter: at most so many tasks at a time, the others wait in order.

/** Runs a task when there is room. */
export type Limiter = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** A limiter that lets `concurrency` tasks run at a time. A waiting task never starts once the signal has aborted. */
export function limiter(concurrency: number, signal?: AbortSignal): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= concurrency) await new Promise<void>((resume) => waiting.push(resume));
    else running++;
    try {
      signal?.throwIfAborted();
      return await task();
    } finally {
      // A task that waits takes over this one's place.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

/** A function that computes each key's value once; later calls, and calls in the meantime, share the promise. */
export function once<Value>(compute: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const values = new Map<string, Promise<Value>>();
  return (key) => {
    let value = values.get(key);
    if (value === undefined) {
      value = compute(key);
      // Whoever awaits it sees the failure; before somebody does, it must not count as unhandled.
      value.catch(() => {});
      values.set(key, value);
    }
    return value;
  };
}
