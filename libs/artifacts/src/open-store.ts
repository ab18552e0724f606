// Opens the store that a URI names. One scheme, one backend.
import { fileURLToPath } from 'node:url';
import type { ArtifactStore } from './artifact-store.ts';
import { FileStore } from './file-store.ts';

/** Opens file:///absolute/folder, which is made when it is not there. Throws for other schemes, saying what to do. */
export function openStore(uri: string): ArtifactStore {
  let url: URL;
  try {
    url = new URL(uri);
  } catch (error) {
    throw new Error(`artifact store "${uri}" is no URI: write file:///absolute/folder`, { cause: error });
  }
  if (url.protocol === 's3:') {
    throw new Error(
      `artifact store "${uri}": s3:// has no backend yet. Mount the bucket or a shared volume as a folder on every service ` +
        'and use file:///that/folder',
    );
  }
  if (url.protocol !== 'file:') {
    throw new Error(
      `artifact store "${uri}": unknown scheme "${url.protocol}//", use file:///absolute/folder`,
    );
  }
  return new FileStore(uri, fileURLToPath(url));
}
