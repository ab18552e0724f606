// References and names as they lie in a store, checked at its boundary.
import type { ArtifactRef } from './artifact-store.ts';
import { StoreError } from './store-error.ts';

const HASH = /^[0-9a-f]{64}$/;

/** Whether a text is a SHA-256 in lower-case hexadecimal digits. */
export function isHash(text: string): boolean {
  return HASH.test(text);
}

/** Where an object lies, relative to the store. @throws TypeError for what is no hash */
export function objectName(sha256: string): string {
  if (!isHash(sha256)) {
    throw new TypeError(`"${sha256}" is no artifact: expected 64 lower-case hexadecimal digits`);
  }
  return `objects/${sha256.slice(0, 2)}/${sha256}`;
}

/** Where a key's reference lies, relative to the store. @throws TypeError for what is no hash */
export function keyName(key: string): string {
  if (!isHash(key)) throw new TypeError(`key "${key}" is no SHA-256: make it with hashKey`);
  return `keys/${key.slice(0, 2)}/${key}`;
}

/** The text of a key's reference. */
export function writeRef({ sha256, mediaType }: ArtifactRef): string {
  objectName(sha256);
  return `${JSON.stringify({ sha256, mediaType })}\n`;
}

/** Reads it. @param place where it lies, for the error. */
export function readRef(text: string, place: string): ArtifactRef {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (
    typeof value === 'object' &&
    value !== null &&
    'sha256' in value &&
    typeof value.sha256 === 'string' &&
    isHash(value.sha256) &&
    'mediaType' in value &&
    typeof value.mediaType === 'string'
  ) {
    return { sha256: value.sha256, mediaType: value.mediaType };
  }
  throw new StoreError('corrupt', `${place} is corrupt: it is no reference. Delete it and run again`);
}

/** An object that is referred to and not there. */
export function missingArtifact(
  { sha256, mediaType }: ArtifactRef,
  uri: string,
  cause?: unknown,
): StoreError {
  return new StoreError(
    'missing',
    `artifact ${sha256} (${mediaType}) is not in ${uri}: services of a run must share one artifact store`,
    cause === undefined ? undefined : { cause },
  );
}
