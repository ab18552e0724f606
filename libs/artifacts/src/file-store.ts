// The artifact store in a folder, shared by every process of a machine or, on a network volume, of a cluster:
//
//   objects/ab/abcdef…   an object under the hash of its bytes, read-only
//   folders/ab/abcdef…/  a folder's files as hard links to its objects, made when it is first opened
//   keys/ab/abcdef…      a key's reference as JSON
//   temporary/           what is being written
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, copyFile, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve as resolvePath } from 'node:path';
import type { ArtifactRef, ArtifactStore } from './artifact-store.ts';
import { writeAtomically } from './atomic-write.ts';
import { sha256Hex } from './hash-key.ts';
import { decodeJsonl, encodeJsonl } from './jsonl.ts';
import { type ManifestFile, readManifest, writeManifest } from './manifest.ts';

const READ_ONLY = 0o444;
const HASH = /^[0-9a-f]{64}$/;

/** A store below one folder. */
export class FileStore implements ArtifactStore {
  readonly uri: string;
  readonly #root: string;

  constructor(uri: string, root: string) {
    this.uri = uri;
    this.#root = resolvePath(root);
  }

  async put(bytes: Uint8Array | AsyncIterable<Uint8Array>, mediaType: string): Promise<ArtifactRef> {
    const { sha256 } = await this.#store(bytes instanceof Uint8Array ? [bytes] : bytes);
    return { sha256, mediaType };
  }

  has(ref: ArtifactRef): Promise<boolean> {
    return exists(this.#objectPath(ref.sha256));
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    const path = this.#objectPath(ref.sha256);
    const bytes = await readFile(path).catch((error: unknown) => this.#missing(ref, error));
    checkHash(path, ref.sha256, sha256Hex(bytes));
    return bytes;
  }

  async openFile(ref: ArtifactRef): Promise<string> {
    await this.#verify(ref);
    return this.#objectPath(ref.sha256);
  }

  async putFolder(folder: string, mediaType: string): Promise<ArtifactRef> {
    const files: ManifestFile[] = [];
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isDirectory()) continue;
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile())
        throw new Error(`${path} is neither a file nor a folder: an artifact cannot hold links`);
      const { sha256, size } = await this.#store(createReadStream(path));
      const relative = path.slice(join(folder, '/').length).replaceAll('\\', '/');
      files.push({ path: relative, sha256, size });
    }
    if (files.length === 0) throw new Error(`${folder} has no files: an artifact of it would hold nothing`);
    return this.put(writeManifest(files), mediaType);
  }

  async openFolder(ref: ArtifactRef): Promise<string> {
    const final = join(this.#root, 'folders', ref.sha256.slice(0, 2), ref.sha256);
    checkName(ref.sha256);
    if (await exists(final)) return final;
    const files = readManifest(await this.get(ref), `artifact ${ref.sha256} (${ref.mediaType})`);
    const temporary = join(this.#root, 'temporary', randomUUID());
    try {
      for (const { path, sha256 } of files) {
        const object = this.#objectPath(sha256);
        await this.#verify({ sha256, mediaType: `file ${path} of ${ref.sha256}` });
        await mkdir(dirname(join(temporary, path)), { recursive: true });
        // Some network volumes have no hard links.
        await link(object, join(temporary, path)).catch(() => copyFile(object, join(temporary, path)));
      }
      await mkdir(dirname(final), { recursive: true });
      await rename(temporary, final).catch(async (error: unknown) => {
        // Another process was faster; its folder holds the same files.
        if (!(await exists(final))) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    return final;
  }

  writeJsonl(
    rows: Iterable<unknown> | AsyncIterable<unknown>,
    mediaType = 'application/jsonl',
  ): Promise<ArtifactRef> {
    return this.put(encodeJsonl(rows), mediaType);
  }

  async *readJsonl<Row>(ref: ArtifactRef, parse: (value: unknown) => Row): AsyncGenerator<Row> {
    await this.#verify(ref);
    const path = this.#objectPath(ref.sha256);
    yield* decodeJsonl(createReadStream(path), `artifact ${ref.sha256} (${path})`, parse);
  }

  async bind(key: string, ref: ArtifactRef): Promise<void> {
    checkName(ref.sha256);
    const path = this.#keyPath(key);
    const text = `${JSON.stringify({ sha256: ref.sha256, mediaType: ref.mediaType })}\n`;
    await writeAtomically(join(this.#root, 'temporary'), 0o644, async (file) => {
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
    const ref = parseRef(text, path);
    return (await this.has(ref)) ? ref : undefined;
  }

  async #store(
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<{ sha256: string; size: number }> {
    let sha256 = '';
    let size = 0;
    await writeAtomically(join(this.#root, 'temporary'), READ_ONLY, async (file) => {
      const hash = createHash('sha256');
      for await (const piece of pieces) {
        hash.update(piece);
        size += piece.byteLength;
        await file.writeFile(piece);
      }
      sha256 = hash.digest('hex');
      const path = this.#objectPath(sha256);
      // An intact object stays; a damaged one is replaced by the bytes that it should have.
      return (await hashFile(path).catch(() => undefined)) === sha256 ? undefined : path;
    });
    return { sha256, size };
  }

  /** Reads the object once to compare its hash with its name. */
  async #verify(ref: ArtifactRef): Promise<void> {
    const path = this.#objectPath(ref.sha256);
    checkHash(path, ref.sha256, await hashFile(path).catch((error: unknown) => this.#missing(ref, error)));
  }

  #objectPath(sha256: string): string {
    checkName(sha256);
    return join(this.#root, 'objects', sha256.slice(0, 2), sha256);
  }

  #keyPath(key: string): string {
    if (!HASH.test(key)) throw new TypeError(`key "${key}" is no SHA-256: make it with hashKey`);
    return join(this.#root, 'keys', key.slice(0, 2), key);
  }

  #missing(ref: ArtifactRef, error: unknown): never {
    if (!isNotFound(error)) throw error;
    throw new Error(
      `artifact ${ref.sha256} (${ref.mediaType}) is not in ${this.uri}: services of a run must share one artifact store`,
      { cause: error },
    );
  }
}

function checkName(sha256: string): void {
  if (!HASH.test(sha256)) {
    throw new TypeError(`"${sha256}" is no artifact: expected 64 lower-case hexadecimal digits`);
  }
}

function checkHash(path: string, expected: string, actual: string): void {
  if (expected === actual) return;
  throw new Error(
    `${path} is corrupt: its bytes hash to ${actual}. Delete the file and run again to make it anew`,
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const pieces: AsyncIterable<Uint8Array> = createReadStream(path);
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function parseRef(text: string, path: string): ArtifactRef {
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
    'mediaType' in value &&
    typeof value.mediaType === 'string'
  ) {
    return { sha256: value.sha256, mediaType: value.mediaType };
  }
  throw new Error(`${path} is corrupt: it is no reference. Delete the file and run again`);
}
