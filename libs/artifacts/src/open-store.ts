// Opens the store that a URI names. One scheme, one backend.
import { fileURLToPath } from 'node:url';
import type { ArtifactStore } from './artifact-store.ts';
import { FileStore } from './file-store.ts';
import { readS3Address } from './s3/s3-address.ts';
import { S3Store } from './s3/s3-store.ts';

/**
 * Opens file:///absolute/folder, which is made when it is not there, or s3://bucket/prefix, which is reached when it is first used
 * (see README.md for its settings). Throws for other schemes, and for settings that cannot be, saying what to do.
 */
export function openStore(uri: string): ArtifactStore {
  if (/^s3:/i.test(uri)) return new S3Store(readS3Address(uri));
  let url: URL;
  try {
    url = new URL(uri);
  } catch (error) {
    throw new Error(
      `artifact store "${uri}" is no URI: write file:///absolute/folder or s3://bucket/prefix`,
      { cause: error },
    );
  }
  if (url.protocol !== 'file:') {
    throw new Error(
      `artifact store "${uri}": unknown scheme "${url.protocol}//", use file:///absolute/folder or s3://bucket/prefix`,
    );
  }
  return new FileStore(uri, fileURLToPath(url));
}
