// A disk that is full: known by its error, wherever it comes from, and waited for.
import { sleep } from '@overtone/rpc';

/** How to wait. */
export interface RoomOptions {
  readonly signal: AbortSignal;
  /** Hears that there is no room, and that there is again. */
  readonly progress?: { say(text: string): void } | undefined;
  /** How long to wait, milliseconds. Default half an hour. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30 * 60_000;
const PAUSE_MS = 1000;

/** Whether an error, here or of a service, says that a disk or a quota is full. */
export function isDiskFull(error: unknown): error is Error {
  return error instanceof Error && /\b(ENOSPC|EDQUOT)\b|\bdisk is full\b/.test(error.message);
}

/**
 * Runs `write`, and again as long as there is no room for what it writes. It must be free to be repeated.
 *
 * @throws the last error when nobody has made room in time.
 */
export async function outlastFullDisk<Result>(
  write: () => Promise<Result> | Result,
  { signal, progress, patienceMs = PATIENCE_MS }: RoomOptions,
): Promise<Result> {
  let since: number | undefined;
  for (;;) {
    try {
      const result = await write();
      if (since !== undefined) progress?.say('there is room on the disk again: the run goes on');
      return result;
    } catch (error) {
      const now = performance.now();
      if (signal.aborted || !isDiskFull(error) || now - (since ?? now) >= patienceMs) throw error;
      if (since === undefined) {
        since = now;
        progress?.say(
          `the disk is full (${error.message}): the run waits for room, at most ${Math.ceil(patienceMs / 60_000)} min`,
        );
      }
      await sleep(PAUSE_MS, signal);
    }
  }
}
