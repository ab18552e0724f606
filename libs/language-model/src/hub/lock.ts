// A lock between processes of one machine: a file that holds the id of the process that has it.
import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MILLISECONDS = 200;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.write(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    // A process that was killed leaves its lock.
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    return false;
  }
}

/** Runs `work` while no other process holds the lock at `path`. */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  while (!(await tryLock(path))) await delay(POLL_MILLISECONDS, undefined, { signal });
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
