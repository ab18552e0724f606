// Freeing a store that several runs share, in a folder or in a bucket: what none of them refers to, and has not for a while.
import { lstat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ArtifactRef } from './artifact-store.ts';
import { openStore } from './open-store.ts';
import { sweepBucket } from './s3/s3-sweep.ts';
import { S3Store } from './s3/s3-store.ts';
import { bytesOf, removeAll, unreferenced } from './store-sweep.ts';

/** What a sweep of a shared store found, or freed. */
export interface SharedSweep {
  /** Objects that nothing refers to. */
  readonly objects: number;
  /** Everything that goes: objects, keys, folders, uploads that were given up. */
  readonly entries: number;
  /** Bytes that go with them. */
  readonly bytes: number;
}

/** How to sweep. */
export interface SharedSweepOptions {
  /** What was written later than so long ago stays, milliseconds: a run that is not known here may be about to refer to it. */
  readonly olderThanMs: number;
  /** Whether to remove what is found. */
  readonly free: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Finds what none of `roots` leads to, and with `free` removes it: keys first, so that no key leads to nothing. No run may be at work in the store. */
export async function sweepStore(
  uri: string,
  roots: Iterable<Pick<ArtifactRef, 'sha256'>>,
  { olderThanMs, free, signal }: SharedSweepOptions,
): Promise<SharedSweep> {
  const store = openStore(uri);
  const before = Date.now() - olderThanMs;
  if (store instanceof S3Store) return sweepBucket(store, roots, { before, free, signal });
  const found = await unreferenced(fileURLToPath(uri), roots);
  const paths: string[] = [];
  for (const path of found.paths) {
    signal?.throwIfAborted();
    const written = (await lstat(path).catch(() => undefined))?.mtimeMs;
    if (written !== undefined && written < before) paths.push(path);
  }
  const bytes = await bytesOf(paths);
  if (free) await removeAll(paths);
  const objects = paths.filter((path) => path.includes('/objects/')).length;
  return { objects, entries: paths.length, bytes };
}
