// The artifact store in a bucket of an S3-compatible service, with the file store's names, so that one can be copied into the other:
//
//   objects/ab/abcdef…   an object under the hash of its bytes
//   keys/ab/abcdef…      a key's reference as JSON
//
// What goes there and comes from there passes through a local folder (read-cache.ts), where it is hashed: an object is stored under the
// hash of what was sent, and never handed out unless its bytes are those of its name.
import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { ArtifactRef, ArtifactStore, StoreOptions } from '../artifact-store.ts';
import { sha256Hex } from '../hash-key.ts';
import { decodeJsonl, encodeJsonl } from '../jsonl.ts';
import { MANIFEST_BYTES, readManifest, writeManifest } from '../manifest.ts';
import type { StoredObject } from '../object-folder.ts';
import { type CacheSettings, ReadCache, readCacheSettings } from '../read-cache.ts';
import { keyName, objectName, readRef, writeRef } from '../reference.ts';
import { makeSharedFolder, sharedFolderPath, storeFiles } from '../shared-folder.ts';
import { StoreError } from '../store-error.ts';
import type { S3Address } from './s3-address.ts';
import { S3Connection } from './s3-connection.ts';
import { explain } from './s3-errors.ts';
import { readS3Settings, type S3Settings } from './s3-settings.ts';
import { download, PART_BYTES, put, upload } from './s3-transfer.ts';
import { SharedWork } from './shared-work.ts';
import { Turns } from './turns.ts';

/** Objects that are sent or fetched at a time. */
const TRANSFERS = 4;

/** A store below a prefix of a bucket. Nothing is loaded, read or reached before it is first used. */
export class S3Store implements ArtifactStore {
  readonly uri: string;
  readonly connection: S3Connection;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #settings: S3Settings;
  readonly #cacheSettings: CacheSettings;
  #opening: Promise<ReadCache> | undefined;
  readonly #turns = new Turns(TRANSFERS);
  readonly #fetching = new SharedWork<void>();
  /** Objects whose bytes were found to be others than those of their names. */
  readonly #damaged = new Set<string>();

  /** @throws Error that names a variable which is set wrongly */
  constructor(address: S3Address, environment: Readonly<Record<string, string | undefined>> = process.env) {
    this.uri = address.uri;
    this.#environment = environment;
    this.#settings = readS3Settings(environment);
    this.#cacheSettings = readCacheSettings(environment);
    this.connection = new S3Connection(address, this.#settings);
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    mediaType: string,
    { signal }: StoreOptions = {},
  ): Promise<ArtifactRef> {
    const { sha256 } = await this.#store(bytes instanceof Uint8Array ? [bytes] : bytes, signal);
    return { sha256, mediaType };
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    return (await this.size(ref)) !== undefined;
  }

  async size(ref: ArtifactRef): Promise<number | undefined> {
    return (await this.connection.head(objectName(ref.sha256)))?.size;
  }

  async get(ref: ArtifactRef, { signal }: StoreOptions = {}): Promise<Uint8Array> {
    for (let tries = 1; ; tries += 1) {
      const path = await this.#local(ref, signal);
      const bytes = await readFile(path, { signal });
      if (sha256Hex(bytes) === ref.sha256) return bytes;
      if (tries > 1)
        throw new StoreError('corrupt', `${path} is corrupt as soon as it is written: check the disk`);
    }
  }

  openFile(ref: ArtifactRef, { signal }: StoreOptions = {}): Promise<string> {
    return this.#local(ref, signal);
  }

  async putFolder(folder: string, mediaType: string, { signal }: StoreOptions = {}): Promise<ArtifactRef> {
    const files = await storeFiles(folder, (pieces) => this.#store(pieces, signal));
    return this.put(writeManifest(files, folder), mediaType, { signal });
  }

  async openFolder(ref: ArtifactRef, { signal }: StoreOptions = {}): Promise<string> {
    const cache = await this.#cache();
    const final = sharedFolderPath(cache.objects, ref.sha256);
    if (await cache.touch(final)) return final;
    const source = `artifact ${ref.sha256} (${ref.mediaType})`;
    if (((await this.size(ref)) ?? 0) > MANIFEST_BYTES)
      throw new Error(`${source} is no folder: it is larger than any manifest`);
    const files = readManifest(await this.get(ref, { signal }), source);
    return makeSharedFolder(cache.objects, ref.sha256, {
      files,
      open: ({ path, sha256 }) => this.#local({ sha256, mediaType: `file ${path} of ${ref.sha256}` }, signal),
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
    const place = this.connection.place(objectName(ref.sha256));
    yield* decodeJsonl(createReadStream(path), `artifact ${ref.sha256} (${place})`, parse);
  }

  async bind(key: string, ref: ArtifactRef): Promise<void> {
    const bytes = new TextEncoder().encode(writeRef(ref));
    await put(this.connection, { name: keyName(key), bytes, sha256: sha256Hex(bytes), replace: true });
  }

  async resolve(key: string): Promise<ArtifactRef | undefined> {
    const name = keyName(key);
    const found = await this.connection.range(name, { from: 0, length: PART_BYTES });
    if (found === undefined) return undefined;
    const ref = readRef(new TextDecoder().decode(found.bytes), this.connection.place(name));
    return (await this.has(ref)) ? ref : undefined;
  }

  /** Hashes what comes into a local file, and sends that unless the bucket has it. */
  async #store(
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<StoredObject> {
    const cache = await this.#cache();
    const object = await cache.objects
      .write(pieces, { signal })
      .catch((error: unknown) => this.#fail(error, 'write a local copy'));
    cache.added(object.size);
    const { sha256, size } = object;
    await this.#turns.take(async () => {
      const path = cache.objects.path(sha256);
      const there = await this.#isThere(object, path, signal);
      if (there === 'intact') return;
      const name = objectName(sha256);
      await upload(this.connection, { name, path, sha256, size, replace: there === 'damaged' }, signal);
      this.#damaged.delete(sha256);
    }, signal);
    return object;
  }

  /** Whether the bucket has an object, as far as it can tell; where it cannot, small ones are compared with the local file. */
  async #isThere(
    { sha256, size }: StoredObject,
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<'intact' | 'damaged' | 'missing'> {
    const name = objectName(sha256);
    const head = await this.connection.head(name, signal);
    if (head === undefined) return 'missing';
    if (head.size !== size || this.#damaged.has(sha256)) return 'damaged';
    if (head.checksum !== undefined)
      return Buffer.from(head.checksum, 'base64').toString('hex') === sha256 ? 'intact' : 'damaged';
    if (size > PART_BYTES) return 'intact';
    const found = await this.connection.range(name, { from: 0, length: PART_BYTES }, signal);
    if (found === undefined) return 'missing';
    return Buffer.compare(found.bytes, await readFile(path)) === 0 ? 'intact' : 'damaged';
  }

  /** A local file with an object's bytes, verified now. */
  async #local(ref: ArtifactRef, signal: AbortSignal | undefined): Promise<string> {
    const cache = await this.#cache();
    const path = cache.objects.path(ref.sha256);
    if (await cache.touch(path)) {
      const actual = await cache.objects.hash(ref.sha256, signal).catch(() => undefined);
      signal?.throwIfAborted();
      if (actual === ref.sha256) return path;
      await rm(path, { force: true });
    }
    await this.#fetching.join(ref.sha256, (ending) => this.#fetch(cache, ref, ending), signal);
    return path;
  }

  async #fetch(cache: ReadCache, ref: ArtifactRef, signal: AbortSignal): Promise<void> {
    const { sha256 } = ref;
    const name = objectName(sha256);
    await this.#turns.take(async () => {
      for (let tries = 1; ; tries += 1) {
        const accept = ({ sha256: actual, size }: StoredObject): void => {
          if (actual !== sha256) throw this.#corrupt(name, { sha256: actual, size });
        };
        const bytes = download(this.connection, name, { ...ref, signal });
        try {
          const { size } = await cache.objects.write(bytes, { signal, accept });
          cache.added(size);
          return;
        } catch (error) {
          const corrupt = error instanceof StoreError && error.problem === 'corrupt';
          // Once more, where the bytes were damaged on their way.
          if (corrupt && tries === 1) continue;
          if (corrupt) this.#damaged.add(sha256);
          this.#fail(error, `fetch ${name}`);
        }
      }
    }, signal);
  }

  #corrupt(name: string, { sha256, size }: StoredObject): StoreError {
    const place = this.connection.place(name);
    return new StoreError(
      'corrupt',
      `${place} is corrupt: its ${size} bytes hash to ${sha256}. Delete it (aws s3 rm ${place}) and run again to make it anew`,
    );
  }

  /** Explains what the local disk says; passes everything else on. */
  #fail(error: unknown, doing: string): never {
    const full = error instanceof Error && 'code' in error && /^(?:ENOSPC|EDQUOT)$/.test(String(error.code));
    throw full
      ? explain(error, { address: this.connection.address, settings: this.#settings }, doing)
      : error;
  }

  #cache(): Promise<ReadCache> {
    this.#opening ??= ReadCache.open(this.#cacheSettings, this.#environment);
    return this.#opening;
  }
}
