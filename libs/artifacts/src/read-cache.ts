// The local copies of a store that lies elsewhere: a bounded folder, shared by all processes of a machine. Whatever is in it can be
// fetched again, and is verified when it is used, so that nothing depends on it.
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNotFound, ObjectFolder } from './object-folder.ts';
import { StoreError } from './store-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where copies lie, and how much of them. */
export interface CacheSettings {
  /** Absolute path; undefined: the user's cache folder, or the machine's temporary one where that cannot be written. */
  readonly folder: string | undefined;
  /** Most bytes on the disk. What was used in the last hour stays, so that it may be more for a while. */
  readonly bytes: number;
}

const DEFAULT_BYTES = 20 * 2 ** 30;
/** What was used so lately is not removed: a path to it may have been given away. */
const IN_USE_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Reads OVERTONE_CACHE (a folder) and OVERTONE_CACHE_SIZE (for example "20GiB", the default). @throws Error that names the variable */
export function readCacheSettings(environment: Environment): CacheSettings {
  const text = environment.OVERTONE_CACHE_SIZE || undefined;
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([KMGT]iB)$/.exec(text ?? '') ?? [];
  const bytes = text === undefined ? DEFAULT_BYTES : Math.floor(Number(number) * (UNITS[unit] ?? 0));
  if (!(bytes >= 1))
    throw new Error(
      `OVERTONE_CACHE_SIZE: expected a size such as 500MiB or 20GiB, got ${JSON.stringify(text)}`,
    );
  const folder = environment.OVERTONE_CACHE || undefined;
  if (folder !== undefined && !folder.startsWith('/'))
    throw new Error(`OVERTONE_CACHE: expected an absolute path, got ${JSON.stringify(folder)}`);
  return { folder, bytes };
}

/** An open cache. */
export class ReadCache {
  readonly objects: ObjectFolder;
  readonly #bytes: number;
  #written = 0;
  #sweeping: Promise<void> = Promise.resolve();

  private constructor(folder: string, bytes: number) {
    this.objects = new ObjectFolder(folder, { durable: false });
    this.#bytes = bytes;
    // The first process after a restart sweeps what the last one has left.
    this.#written = bytes;
  }

  /** @throws StoreError when no folder can be written */
  static async open({ folder, bytes }: CacheSettings, environment: Environment): Promise<ReadCache> {
    if (folder !== undefined) {
      await prepare(folder).catch((error: unknown) => {
        throw new StoreError(
          'settings',
          `the local cache ${folder} cannot be written (${String(error)}): set OVERTONE_CACHE to a folder that can`,
        );
      });
      return new ReadCache(folder, bytes);
    }
    const caches = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
    const own = join(caches, 'overtone', 'artifacts');
    const shared = join(tmpdir(), `overtone-${process.getuid?.() ?? 'user'}`, 'artifacts');
    const reasons: string[] = [];
    for (const candidate of [own, shared]) {
      try {
        await prepare(candidate);
        return new ReadCache(candidate, bytes);
      } catch (error) {
        reasons.push(`${candidate}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new StoreError(
      'settings',
      `there is no place for local copies (${reasons.join('; ')}): set OVERTONE_CACHE to a folder that can be written`,
    );
  }

  /** Notes that a file or folder is in use now. @returns whether it is there */
  async touch(path: string): Promise<boolean> {
    const now = new Date();
    try {
      await utimes(path, now, now);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Notes that bytes were added; what has not been used for longest goes, in the background, when there are too many. */
  added(bytes: number): void {
    this.#written += bytes;
    // Looking through everything is worth it once in a while.
    if (this.#written < this.#bytes / 8) return;
    this.#written = 0;
    this.#sweeping = this.#sweeping.then(() => sweep(this.objects.root, this.#bytes)).catch(() => {});
  }

  /** Resolves when no removal is under way. */
  settled(): Promise<void> {
    return this.#sweeping;
  }
}

/** Makes a folder that is this user's: in a shared place, another might have put one there. */
async function prepare(folder: string): Promise<void> {
  await mkdir(join(folder, 'temporary'), { recursive: true, mode: 0o700 });
  const { uid } = await stat(folder);
  const user = process.getuid?.();
  if (user !== undefined && user !== 0 && uid !== user)
    throw new Error(`it belongs to user ${uid}, and this process is user ${user}`);
}

/** A copy: an object, a folder of links to objects, or what a process that died was writing. */
interface Copy {
  readonly path: string;
  readonly used: number;
  readonly files: readonly { readonly id: string; readonly bytes: number }[];
}

/** Removes what has not been used for longest until the rest fits. */
export async function sweep(root: string, bytes: number, now = Date.now()): Promise<void> {
  const copies = await listCopies(root);
  // A file may have a name among the objects and several in folders: it frees its bytes with the last of them.
  const names = new Map<string, number>();
  let total = 0;
  for (const { id, bytes: size } of copies.flatMap(({ files }) => files)) {
    const known = names.get(id) ?? 0;
    names.set(id, known + 1);
    if (known === 0) total += size;
  }
  for (const { path, files } of copies.sort((left, right) => left.used - right.used)) {
    if (total <= bytes) return;
    // Again: another process may have used it meanwhile.
    const used = await lastUse(path);
    if (used === undefined || now - used < IN_USE_MS) continue;
    await rm(path, { recursive: true, force: true });
    for (const { id, bytes: size } of files) {
      const left = (names.get(id) ?? 0) - 1;
      names.set(id, left);
      if (left === 0) total -= size;
    }
  }
}

async function listCopies(root: string): Promise<Copy[]> {
  const copies: Copy[] = [];
  const add = async (path: string): Promise<void> => {
    const used = await lastUse(path);
    if (used !== undefined) copies.push({ path, used, files: await filesOf(path) });
  };
  for (const kind of ['objects', 'folders'])
    for (const part of await names(join(root, kind)))
      for (const name of await names(join(root, kind, part))) await add(join(root, kind, part, name));
  for (const name of await names(join(root, 'temporary'))) await add(join(root, 'temporary', name));
  return copies;
}

async function filesOf(path: string): Promise<{ id: string; bytes: number }[]> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) return [];
  if (!entry.isDirectory()) return [{ id: `${entry.dev} ${entry.ino}`, bytes: entry.blocks * 512 }];
  return (await Promise.all((await names(path)).map((name) => filesOf(join(path, name))))).flat();
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

async function lastUse(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}
