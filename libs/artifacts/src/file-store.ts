// The artifact store in a folder, shared by every process of a machine or, on a network volume, of a cluster:
//
//   objects/ab/abcdef…   an object under the hash of its bytes, read-only
//   folders/ab/abcdef…/  a folder's files as hard links to its objects, made when it is first opened
//   keys/ab/abcdef…      a key's reference as JSON
//   temporary/           what is being written
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve as resolvePath } from 'node:path';
import type { ArtifactRef, ArtifactStore, StoreOptions } from './artifact-store.ts';
import { writeAtomically } from './atomic-write.ts';
import { sha256Hex } from './hash-key.ts';
import { decodeJsonl, encodeJsonl } from './jsonl.ts';
import { MANIFEST_BYTES, readManifest, writeManifest } from './manifest.ts';
import { isNotFound, ObjectFolder } from './object-folder.ts';
import { keyName, missingArtifact, readRef, writeRef } from './reference.ts';
import { exists, makeSharedFolder, sharedFolderPath, storeFiles } from './shared-folder.ts';
import { StoreError } from './store-error.ts';

/** A store below one folder. */
export class FileStore implements ArtifactStore {
  readonly uri: string;
  readonly #objects: ObjectFolder;

  constructor(uri: string, root: string) {
    this.uri = uri;
    this.#objects = new ObjectFolder(resolvePath(root), { durable: true });
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    mediaType: string,
    { signal }: StoreOptions = {},
  ): Promise<ArtifactRef> {
    const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
    const { sha256 } = await this.#objects.write(pieces, { signal });
    return { sha256, mediaType };
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    return (await this.size(ref)) !== undefined;
  }

  size(ref: ArtifactRef): Promise<number | undefined> {
    return this.#objects.size(ref.sha256);
  }

  async get(ref: ArtifactRef, { signal }: StoreOptions = {}): Promise<Uint8Array> {
    const path = this.#objects.path(ref.sha256);
    const bytes = await readFile(path, { signal }).catch((error: unknown) => this.#missing(ref, error));
    checkHash(path, ref.sha256, sha256Hex(bytes));
    return bytes;
  }

  async openFile(ref: ArtifactRef, { signal }: StoreOptions = {}): Promise<string> {
    const path = this.#objects.path(ref.sha256);
    const actual = await this.#objects
      .hash(ref.sha256, signal)
      .catch((error: unknown) => this.#missing(ref, error));
    checkHash(path, ref.sha256, actual);
    return path;
  }

  async putFolder(folder: string, mediaType: string, { signal }: StoreOptions = {}): Promise<ArtifactRef> {
    const files = await storeFiles(folder, (pieces) => this.#objects.write(pieces, { signal }));
    return this.put(writeManifest(files, folder), mediaType, { signal });
  }

  async openFolder(ref: ArtifactRef, { signal }: StoreOptions = {}): Promise<string> {
    const final = sharedFolderPath(this.#objects, ref.sha256);
    if (await exists(final)) return final;
    const source = `artifact ${ref.sha256} (${ref.mediaType})`;
    if (((await this.size(ref)) ?? 0) > MANIFEST_BYTES)
      throw new Error(`${source} is no folder: it is larger than any manifest`);
    const files = readManifest(await this.get(ref, { signal }), source);
    return makeSharedFolder(this.#objects, ref.sha256, {
      files,
      open: ({ path, sha256 }) =>
        this.openFile({ sha256, mediaType: `file ${path} of ${ref.sha256}` }, { signal }),
    });
  }

  writeJsonl(
    rows: Iterable<unknown> | AsyncIterable<unknown>,
    mediaType = 'application/jsonl',
    options: StoreOptions = {},
  ): Promise<ArtifactRef> {
    return this.put(encodeJsonl(rows), mediaType, options);
  }

  async *readJsonl<Row>(
    ref: ArtifactRef,
    parse: (value: unknown) => Row,
    options: StoreOptions = {},
  ): AsyncGenerator<Row> {
    const path = await this.openFile(ref, options);
    yield* decodeJsonl(createReadStream(path), `artifact ${ref.sha256} (${path})`, parse);
  }

  async bind(key: string, ref: ArtifactRef): Promise<void> {
    const path = this.#keyPath(key);
    const text = writeRef(ref);
    await writeAtomically(this.#objects.temporary, { mode: 0o644, durable: true }, async (file) => {
      await file.writeFile(text);
      return path;
    });
  }

  async resolve(key: string): Promise<ArtifactRef | undefined> {
    const path = this.#keyPath(key);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    const ref = readRef(text, path);
    return (await this.has(ref)) ? ref : undefined;
  }

  #keyPath(key: string): string {
    return join(this.#objects.root, keyName(key));
  }

  #missing(ref: ArtifactRef, error: unknown): never {
    if (!isNotFound(error)) throw error;
    throw missingArtifact(ref, this.uri, error);
  }
}

function checkHash(path: string, expected: string, actual: string): void {
  if (expected === actual) return;
  throw new StoreError(
    'corrupt',
    `${path} is corrupt: its bytes hash to ${actual}. Delete the file and run again to make it anew`,
  );
}
