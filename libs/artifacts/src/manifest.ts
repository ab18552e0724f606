// A folder's manifest: which files it has and what is in them. Its own hash is the folder's name.
import { canonicalJson, type Json } from './hash-key.ts';

/** One file of a folder. */
export interface ManifestFile {
  /** Relative path with "/" between its parts. */
  path: string;
  /** Hash of its bytes. */
  sha256: string;
  /** Its size, bytes. */
  size: number;
}

/** The manifest's bytes; the same files give the same bytes. */
export function writeManifest(files: readonly ManifestFile[]): Uint8Array {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const value: Json = { version: 1, files: sorted.map(({ path, sha256, size }) => ({ path, sha256, size })) };
  return new TextEncoder().encode(canonicalJson(value));
}

/** Reads a manifest; throws, naming `source`, when it is none or a path would leave the folder. */
export function readManifest(bytes: Uint8Array, source: string): ManifestFile[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Error(`${source} is no folder: its bytes are not a manifest`, { cause: error });
  }
  if (!isRecord(value) || value.version !== 1 || !Array.isArray(value.files)) {
    throw new Error(`${source} is no folder: its JSON is not a manifest of version 1`);
  }
  return value.files.map((file: unknown) => {
    if (
      !isRecord(file) ||
      typeof file.path !== 'string' ||
      typeof file.sha256 !== 'string' ||
      typeof file.size !== 'number'
    ) {
      throw new Error(`${source}: a file of the manifest lacks its path, sha256 or size`);
    }
    const { path, sha256, size } = file;
    if (path.split('/').some((part) => part === '' || part === '.' || part === '..' || part.includes('\\'))) {
      throw new Error(`${source}: the manifest's path "${path}" would leave the folder`);
    }
    return { path, sha256, size };
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
