// Adapters of an evaluation in the artifact store: under the hash of what they compute, whatever else their folders hold.
import { copyFile, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@overtone/artifacts';
import type { CheckedAdapter } from './eval-check.ts';

const MEDIA_TYPE = 'application/vnd.overtone.adapter';
const FILES = ['adapter_config.json', 'adapter_model.safetensors'];

/** The adapter as services take it. A folder's two files are copied into the store; the same files are stored once. */
export async function storeAdapter(store: ArtifactStore, adapter: CheckedAdapter): Promise<ArtifactRef> {
  if ('sha256' in adapter) return { sha256: adapter.sha256, mediaType: MEDIA_TYPE };
  const copy = await mkdtemp(join(tmpdir(), 'overtone-adapter-'));
  try {
    // In the hub's cache they are links, which no artifact can hold.
    for (const file of FILES) await copyFile(await realpath(join(adapter.folder, file)), join(copy, file));
    return await store.putFolder(copy, MEDIA_TYPE);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
