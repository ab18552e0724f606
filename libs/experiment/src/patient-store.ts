// An artifact store that waits for room where a disk is full, instead of ending the run that writes.
import type { ArtifactRef, ArtifactStore } from '@overtone/artifacts';
import { outlastFullDisk, type RoomOptions } from './full-disk.ts';

/** A store whose writes wait for room; but what comes as a stream can be written once only, and fails. */
export function patientStore(store: ArtifactStore, options: RoomOptions): ArtifactStore {
  const patiently = (write: () => Promise<ArtifactRef>, repeatable: boolean): Promise<ArtifactRef> =>
    repeatable ? outlastFullDisk(write, options) : write();
  return {
    uri: store.uri,
    put: (bytes, mediaType, own) =>
      patiently(() => store.put(bytes, mediaType, own), bytes instanceof Uint8Array),
    has: (ref) => store.has(ref),
    size: (ref) => store.size(ref),
    get: (ref, own) => store.get(ref, own),
    openFile: (ref, own) => store.openFile(ref, own),
    putFolder: (folder, mediaType, own) => patiently(() => store.putFolder(folder, mediaType, own), true),
    openFolder: (ref, own) => outlastFullDisk(() => store.openFolder(ref, own), options),
    writeJsonl: (rows, mediaType, own) =>
      patiently(() => store.writeJsonl(rows, mediaType, own), Array.isArray(rows)),
    readJsonl: (ref, parse, own) => store.readJsonl(ref, parse, own),
    bind: (key, ref) => outlastFullDisk(() => store.bind(key, ref), options),
    resolve: (key) => store.resolve(key),
  };
}
