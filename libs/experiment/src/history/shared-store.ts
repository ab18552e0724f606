// What a store that several runs share holds for none of them.
import { type SharedSweep, sweepStore } from '@overtone/artifacts';
import { InputError } from '../input-error.ts';
import { readRun } from './run-record.ts';

/** What was found, or freed. */
export interface SharedGarbage extends SharedSweep {
  /** The store's URI. */
  readonly store: string;
  /** The runs whose results stay: their folders. */
  readonly runs: readonly string[];
}

/** How to free a shared store. */
export interface CollectStoreOptions {
  readonly free: boolean;
  /** What was written later than so long ago stays, milliseconds. */
  readonly olderThanMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks for what none of the runs in `folders` refers to, and with `free` removes it. They must be all runs that use the store: nobody
 * else knows of others.
 *
 * @throws InputError when none of them uses the store, or one that does is not done.
 */
export async function collectStore(
  folders: readonly string[],
  store: string,
  { free, olderThanMs, signal }: CollectStoreOptions,
): Promise<SharedGarbage> {
  const runs: string[] = [];
  const roots: { sha256: string }[] = [];
  for (const folder of folders) {
    signal?.throwIfAborted();
    const { path, manifest, state } = await readRun(folder);
    if (plain(manifest.artifacts) !== plain(store)) continue;
    if (state !== 'done')
      throw new InputError(
        `${path} uses ${store} and is ${state}: it continues from what is there; let it end, or free the store without it by removing its folder`,
      );
    runs.push(path);
    roots.push(...manifest.results);
  }
  if (runs.length === 0)
    throw new InputError(
      `none of the ${folders.length} runs found uses ${store}: everything in it would go; give the folders of all runs that use it`,
    );
  return { store, runs, ...(await sweepStore(store, roots, { free, olderThanMs, signal })) };
}

const plain = (uri: string): string => uri.replace(/\/+$/, '');
