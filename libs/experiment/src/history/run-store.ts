// The artifact store of a run, also where the run's folder has been moved.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ArtifactStore, openStore } from '@overtone/artifacts';
import type { RunRecord } from './run-record.ts';

/** The URI of a run's store: the one that its manifest names, or the one in its folder where that is gone. */
function storeUriOf({ path, manifest }: Pick<RunRecord, 'path' | 'manifest'>): string {
  const { artifacts } = manifest;
  if (artifacts.startsWith('file:') && !existsSync(fileURLToPath(artifacts))) {
    const own = join(path, 'artifacts');
    if (existsSync(own)) return pathToFileURL(own).href;
  }
  return artifacts;
}

/** One for each manifest: a store in a bucket keeps its connections. */
const opened = new WeakMap<RunRecord['manifest'], ArtifactStore>();

/** The store itself. */
export function storeOf(record: Pick<RunRecord, 'path' | 'manifest'>): ArtifactStore {
  const store = opened.get(record.manifest) ?? openStore(storeUriOf(record));
  opened.set(record.manifest, store);
  return store;
}

/** The folder of a store that is one; undefined for others. */
export function storeFolderOf(record: Pick<RunRecord, 'path' | 'manifest'>): string | undefined {
  const uri = storeUriOf(record);
  return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
}
