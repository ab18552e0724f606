// What runs leave behind and need no more: artifacts that no run refers to, and the trainer's working files of runs that are done.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { bytesOf, FolderInUse, FolderLock, removeAll, unreferenced } from '@overtone/artifacts';
import { readRun, type RunRecord } from './run-record.ts';
import { storeFolderOf } from './run-store.ts';

/** What a run can be freed of. */
export interface Garbage {
  /** The run's folder. */
  readonly path: string;
  /** Artifacts that it does not refer to. */
  readonly artifacts: { readonly count: number; readonly bytes: number };
  /** The trainer's checkpoints and working files. */
  readonly training: { readonly count: number; readonly bytes: number };
  /** Everything that goes. */
  readonly paths: readonly string[];
}

/** A run that is left as it is, and why. */
export interface Spared {
  readonly path: string;
  readonly reason: string;
}

/** What was found. */
export interface Collection {
  readonly garbage: readonly Garbage[];
  readonly spared: readonly Spared[];
}

/**
 * Looks for what runs need no more, and with `free` removes it, run by run, while holding the run's lock. Only runs that are done are
 * touched: one that was interrupted or killed continues from what it has. Stores outside of a run's folder are never touched, since
 * runs elsewhere may share them.
 */
export async function collectGarbage(
  folders: readonly string[],
  { free, signal, looking }: { free: boolean; signal?: AbortSignal; looking?: (path: string) => void },
): Promise<Collection> {
  const garbage: Garbage[] = [];
  const spared: Spared[] = [];
  for (const path of folders) {
    signal?.throwIfAborted();
    looking?.(path);
    const found = await collectRun(path, free).catch((error: unknown): Spared => ({
      path,
      reason: error instanceof Error ? error.message : String(error),
    }));
    if ('reason' in found) spared.push(found);
    else garbage.push(found);
  }
  return { garbage, spared };
}

async function collectRun(path: string, free: boolean): Promise<Garbage | Spared> {
  const reason = reasonToSpare(await readRun(path));
  if (reason !== undefined) return { path, reason };
  if (!free) return look(await readRun(path));
  let lock: FolderLock;
  try {
    lock = await FolderLock.take(join(path, 'run.lock'));
  } catch (error) {
    if (error instanceof FolderInUse) return { path, reason: 'it is at work' };
    throw error;
  }
  try {
    // Under the lock: until now, the run may have been at work.
    const manifest = await readRun(path);
    const changed = reasonToSpare({
      ...manifest,
      state: manifest.manifest.state === 'done' ? 'done' : 'killed',
    });
    if (changed !== undefined) return { path, reason: changed };
    const found = await look(manifest);
    await removeAll(found.paths);
    return found;
  } finally {
    lock.release();
  }
}

function reasonToSpare(record: RunRecord): string | undefined {
  const { state, path } = record;
  if (state === 'at work') return 'it is at work';
  if (state !== 'done') return `it is ${state}, and continues from what it has`;
  const store = storeFolderOf(record);
  if (store === undefined || relative(path, store).startsWith('..'))
    return `its artifacts are in ${record.manifest.artifacts}, which other runs may share`;
  return undefined;
}

async function look(record: RunRecord): Promise<Garbage> {
  const { path, manifest } = record;
  const store = storeFolderOf(record);
  const sweep =
    store === undefined || !existsSync(store)
      ? { objects: 0, bytes: 0, paths: [] }
      : await unreferenced(store, manifest.results);
  const jobs = join(path, 'state', 'trainer', 'jobs');
  const working = (await readdir(jobs).catch(() => [])).map((name) => join(jobs, name));
  return {
    path,
    artifacts: { count: sweep.objects, bytes: sweep.bytes },
    training: { count: working.length, bytes: await bytesOf(working) },
    paths: [...sweep.paths, ...working],
  };
}
