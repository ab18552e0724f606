// A folder's manifest: which files it has and what is in them. Its own hash is the folder's name.
import { canonicalJson, type Json } from './hash-key.ts';
import { isHash } from './reference.ts';

/** One file of a folder. */
export interface ManifestFile {
  /** Relative path with "/" between its parts. */
  path: string;
  /** Hash of its bytes. */
  sha256: string;
  /** Its size, bytes. */
  size: number;
}

/** Larger manifests are refused before they are read: a reference may lead to something else. */
export const MANIFEST_BYTES = 64 * 2 ** 20;

/** What file systems take. */
const LONGEST = { part: 255, path: 1024 };

/** The manifest's bytes; the same files give the same bytes. @throws Error that names `source` and a path which another machine could not take */
export function writeManifest(files: readonly ManifestFile[], source: string): Uint8Array {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  checkPaths(sorted, source);
  const value: Json = { version: 1, files: sorted.map(({ path, sha256, size }) => ({ path, sha256, size })) };
  return new TextEncoder().encode(canonicalJson(value));
}

/** Reads a manifest; throws, naming `source`, when it is none, or a path would leave the folder or come into another's way. */
export function readManifest(bytes: Uint8Array, source: string): ManifestFile[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error(`${source} is no folder: its bytes are not a manifest`, { cause: error });
  }
  if (!isRecord(value) || value.version !== 1 || !Array.isArray(value.files)) {
    throw new Error(`${source} is no folder: its JSON is not a manifest of version 1`);
  }
  const files = value.files.map((file: unknown) => {
    if (
      !isRecord(file) ||
      typeof file.path !== 'string' ||
      typeof file.sha256 !== 'string' ||
      typeof file.size !== 'number'
    ) {
      throw new Error(`${source}: a file of the manifest lacks its path, sha256 or size`);
    }
    const { path, sha256, size } = file;
    if (!isHash(sha256) || !Number.isSafeInteger(size) || size < 0) {
      throw new Error(`${source}: the manifest's sha256 or size of ${JSON.stringify(path)} is none`);
    }
    return { path, sha256, size };
  });
  checkPaths(files, source);
  return files;
}

function checkPaths(files: readonly ManifestFile[], source: string): void {
  if (files.length === 0) throw new Error(`${source} is no folder: its manifest has no files`);
  const taken = new Set<string>();
  for (const { path } of files) {
    const reason = whyNot(path);
    if (reason !== undefined) throw new Error(`${source}: the manifest's path ${quote(path)} ${reason}`);
    if (taken.has(path)) throw new Error(`${source}: the manifest has the path ${quote(path)} twice`);
    taken.add(path);
  }
  for (const path of taken) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (taken.has(path.slice(0, end)))
        throw new Error(
          `${source}: the manifest's path ${quote(path.slice(0, end))} is a file and a folder at once`,
        );
    }
  }
}

/** Why a path cannot be in a folder on every machine; undefined when it can. */
function whyNot(path: string): string | undefined {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\\')))
    return 'would leave the folder';
  if (/^[A-Za-z]:/.test(path)) return 'would leave the folder: it begins with a drive';
  // Also halves of surrogate pairs, which no file system could give back.
  if (/\p{Cc}/u.test(path) || !path.isWellFormed()) return 'has characters that are none of a file name';
  if (Buffer.byteLength(path) > LONGEST.path) return `is longer than ${LONGEST.path} bytes`;
  if (parts.some((part) => Buffer.byteLength(part) > LONGEST.part))
    return `has a part longer than ${LONGEST.part} bytes`;
  return undefined;
}

const quote = (path: string): string => JSON.stringify(path.length > 100 ? `${path.slice(0, 100)}…` : path);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
