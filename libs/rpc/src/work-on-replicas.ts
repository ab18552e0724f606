// One worker for every replica of a service, for as long as there is work: replicas that come later get one too.
import { sleep } from './abort.ts';

/** What workers share. */
export interface WorkOnReplicasOptions {
  /** Ends all of it with its reason. */
  readonly signal: AbortSignal;
  /** How often to look for new replicas, milliseconds. Default 10 000. */
  readonly refreshMs?: number;
}

/**
 * Runs `work` on every replica until all workers have returned. The first error ends the others through their signal, and is thrown.
 *
 * @param work returns when there is nothing left to do, or when its replica is no longer `present`.
 */
export async function workOnReplicas<Replica extends object>(
  replicas: () => Promise<readonly Replica[]>,
  work: (replica: Replica, present: () => boolean, signal: AbortSignal) => Promise<void>,
  { signal, refreshMs = 10_000 }: WorkOnReplicasOptions,
): Promise<void> {
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const working = new Map<Replica, Promise<void>>();
  let present = await replicas();
  const start = (replica: Replica): void => {
    const task = work(replica, () => present.includes(replica), stop)
      .catch((error: unknown) => failure.abort(error))
      .finally(() => working.delete(replica));
    working.set(replica, task);
  };
  present.forEach(start);
  while (working.size > 0) {
    const looked = new AbortController();
    await Promise.race([
      Promise.all(working.values()),
      sleep(refreshMs, AbortSignal.any([stop, looked.signal])).catch(() => Promise.all(working.values())),
    ]);
    looked.abort();
    if (working.size === 0 || stop.aborted) continue;
    // A name server that does not answer takes nothing from those who are at work.
    present = await replicas().catch(() => present);
    if (!stop.aborted) present.filter((replica) => !working.has(replica)).forEach(start);
  }
  failure.signal.throwIfAborted();
}
