// Objects in a local folder: each a read-only file under the hash of its bytes, in objects/ab/abcdef…; what is being written lies in
// temporary/. It is the file store's own place, and the local cache of stores that lie elsewhere.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from './atomic-write.ts';
import { objectName } from './reference.ts';

const READ_ONLY = 0o444;

/** An object's name and size. */
export interface StoredObject {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** The objects below one folder. */
export class ObjectFolder {
  /** Absolute path. */
  readonly root: string;
  readonly #durable: boolean;

  /** @param durable whether what is written must survive a power failure; not worth its time where it can be fetched again. */
  constructor(root: string, { durable }: { readonly durable: boolean }) {
    this.root = root;
    this.#durable = durable;
  }

  /** Where an object lies, or would. */
  path(sha256: string): string {
    return join(this.root, objectName(sha256));
  }

  /** Where to put what is not whole yet. */
  get temporary(): string {
    return join(this.root, 'temporary');
  }

  /** An object's size, bytes; undefined when it is not here. */
  async size(sha256: string): Promise<number | undefined> {
    try {
      return (await stat(this.path(sha256))).size;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** The hash of an object's bytes as they are now. @throws ENOENT when it is not here */
  hash(sha256: string, signal?: AbortSignal): Promise<string> {
    return hashFile(this.path(sha256), signal);
  }

  /**
   * Writes an object in pieces; it is there when all of them have come. One that is here and intact stays, a damaged one is replaced.
   *
   * @param accept hears what came before it is there, and may throw.
   */
  async write(
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    { signal, accept }: { signal?: AbortSignal | undefined; accept?: (object: StoredObject) => void } = {},
  ): Promise<StoredObject> {
    let sha256 = '';
    let size = 0;
    const mode = { mode: READ_ONLY, durable: this.#durable };
    await writeAtomically(this.temporary, mode, async (file) => {
      const hash = createHash('sha256');
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        hash.update(piece);
        size += piece.byteLength;
        await file.writeFile(piece);
      }
      signal?.throwIfAborted();
      sha256 = hash.digest('hex');
      accept?.({ sha256, size });
      const path = this.path(sha256);
      return (await hashFile(path, signal).catch(ignoreUnlessAborted(signal))) === sha256 ? undefined : path;
    });
    return { sha256, size };
  }
}

/** Whether an error says that there is no such file. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const pieces: AsyncIterable<Uint8Array> = createReadStream(path, {
    highWaterMark: 256 * 1024,
    ...(signal === undefined ? {} : { signal }),
  });
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** A file that cannot be read is as good as none; the end of the operation is not. */
const ignoreUnlessAborted =
  (signal: AbortSignal | undefined) =>
  (_: unknown): undefined => {
    signal?.throwIfAborted();
  };
