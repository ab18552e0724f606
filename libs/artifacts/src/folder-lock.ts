// A lock on a folder: one process works in it, on whichever machine or in whichever container that shares it. A file names the holder, who
// touches it every few seconds. Where the holder can be seen, its death is known at once; where it cannot, on another machine or in another
// container, it is taken for dead when the file has not been touched for a while, by the clock of who waits.
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How a lock is taken. */
export interface LockOptions {
  /** How long to wait for a holder that is alive, milliseconds. Default 0. */
  readonly waitMs?: number;
  /** How often the holder touches the file. Default 3 s. */
  readonly touchMs?: number;
  /** How long a holder that cannot be seen may leave the file untouched. Default 15 s. */
  readonly staleMs?: number;
  /** Hears that another process has taken the lock over, because this one did not touch it for so long, or that the file is gone. */
  readonly onLost?: (error: LockLost) => void;
  readonly signal?: AbortSignal;
}

/** Who holds a lock. */
interface Holder {
  /** Differs for every lock that was ever taken. */
  readonly token: string;
  readonly pid: number;
  /** When the process started, in the machine's own count: a process id is used again. */
  readonly started: string;
  /** The process ids' space: machine, boot and container. */
  readonly place: string;
  readonly host: string;
}

/** Another process works in the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

/** The lock is no longer this process's. */
export class LockLost extends Error {
  override readonly name = 'LockLost';
}

const POLL_MS = 200;

/** A lock that is held. */
export class FolderLock {
  readonly #path: string;
  readonly #token: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(path: string, token: string, { touchMs = 3000, onLost }: LockOptions) {
    this.#path = path;
    this.#token = token;
    this.#timer = setInterval(() => void this.#touch(onLost), touchMs).unref();
  }

  /**
   * Takes the lock, also from a holder that is dead; the folder is made when it is not there.
   *
   * @param path the lock's file.
   * @throws FolderInUse, in one line that says by which process, when a holder is alive after `waitMs`.
   */
  static async take(path: string, options: LockOptions = {}): Promise<FolderLock> {
    const { waitMs = 0, staleMs = 15_000, signal } = options;
    const own: Holder = {
      token: randomUUID(),
      pid: process.pid,
      started: startOf(process.pid) ?? '',
      place: place(),
      host: hostname(),
    };
    await mkdir(dirname(path), { recursive: true });
    const began = performance.now();
    let seen = '';
    let seenAt = began;
    for (;;) {
      signal?.throwIfAborted();
      if (await create(path, own)) return new FolderLock(path, own.token, options);
      const found = await look(path);
      if (found === undefined) continue;
      const now = performance.now();
      if (found.trace !== seen) {
        const touched = seen !== '';
        [seen, seenAt] = [found.trace, now];
        // Touched while we looked: its holder is alive.
        if (touched && now - began >= waitMs) throw inUse(path, found.holder);
      }
      const life = found.holder === undefined ? 'unseen' : lifeOf(found.holder, own);
      if (life === 'dead' || (life === 'unseen' && now - seenAt >= staleMs))
        await remove(path, found, own.token);
      else if (life === 'alive' && now - began >= waitMs) throw inUse(path, found.holder);
      else await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
    }
  }

  /**
   * Whether a process works in the folder, as far as can be told without waiting: one that cannot be seen, on another machine or in
   * another container, counts while it has touched the file lately.
   */
  static async isHeld(
    path: string,
    { staleMs = 15_000 }: Pick<LockOptions, 'staleMs'> = {},
  ): Promise<boolean> {
    const found = await look(path);
    if (found === undefined) return false;
    const life = found.holder === undefined ? 'unseen' : lifeOf(found.holder, { place: place() });
    return life === 'alive' || (life === 'unseen' && Date.now() - (await stat(path)).mtimeMs < staleMs);
  }

  /** Gives the lock back. */
  release(): void {
    clearInterval(this.#timer);
    try {
      if (parse(readFileSync(this.#path, 'utf8'))?.token === this.#token) rmSync(this.#path, { force: true });
    } catch {
      // Gone with its folder; or it stays, and is known to be dead.
    }
  }

  async #touch(onLost: LockOptions['onLost']): Promise<void> {
    try {
      const found = await look(this.#path);
      if (found?.holder?.token === this.#token) {
        const now = new Date();
        await utimes(this.#path, now, now);
        return;
      }
      clearInterval(this.#timer);
      const by = found?.holder === undefined ? 'is gone' : `was taken over by ${name(found.holder)}`;
      onLost?.(
        new LockLost(`the lock ${this.#path} ${by}; this process stops, so that the folder has one writer`),
      );
    } catch {
      // A file system that fails for a moment says nothing about the lock.
    }
  }
}

/** Makes the file, with all that it says, unless there is one. */
async function create(path: string, own: Holder): Promise<boolean> {
  const text = `${JSON.stringify(own)}\n`;
  const whole = `${path}.${own.token}.new`;
  try {
    await writeFile(whole, text);
    await link(whole, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    // Some network volumes have no hard links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(String(codeOf(error)))) throw error;
  } finally {
    await rm(whole, { force: true });
  }
  return writeFile(path, text, { flag: 'wx' }).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    },
  );
}

interface Found {
  /** Undefined while it is being written, or when it is no lock of this version. */
  readonly holder: Holder | undefined;
  /** Changes whenever the file is touched. */
  readonly trace: string;
}

async function look(path: string): Promise<Found | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    const { mtimeNs, ino } = await stat(path, { bigint: true });
    return { holder: parse(text), trace: `${ino} ${mtimeNs} ${text}` };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { token, pid, started, place, host } = value as Partial<Record<keyof Holder, unknown>>;
    if (typeof token !== 'string' || typeof pid !== 'number' || typeof started !== 'string') return undefined;
    if (typeof place !== 'string' || typeof host !== 'string') return undefined;
    return { token, pid, started, place, host };
  } catch {
    return undefined;
  }
}

function lifeOf(holder: Holder, own: Pick<Holder, 'place'>): 'alive' | 'dead' | 'unseen' {
  if (holder.place !== own.place) return 'unseen';
  const started = startOf(holder.pid);
  return started !== undefined && started === holder.started ? 'alive' : 'dead';
}

/** Removes a dead holder's file. A live one's, which took its place in this moment, is put back. */
async function remove(path: string, { holder }: Found, token: string): Promise<void> {
  const aside = `${path}.${token}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await look(aside);
  if (taken?.holder !== undefined && taken.holder.token !== holder?.token) await rename(aside, path);
  else await rm(aside, { force: true });
}

function inUse(path: string, holder: Holder | undefined): FolderInUse {
  const who = holder === undefined ? 'another process' : name(holder);
  return new FolderInUse(`${who} is at work in ${dirname(path)}; wait for it, or stop it`);
}

const name = ({ pid, host }: Holder): string => `process ${pid} on ${host}`;

/** Where process ids mean the same: a container of a boot of a machine; elsewhere than on Linux, the machine. */
function place(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** When a process started; undefined when it is dead. Elsewhere than on Linux, only whether it lives. */
function startOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the command's name, which may hold anything: state, 18 fields, start time. A zombie has ended.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : (fields[19] ?? '');
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return codeOf(error) === 'EPERM' ? '' : undefined;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
