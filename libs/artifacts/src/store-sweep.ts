// What a store in a folder holds that nobody refers to: objects, and the folders and keys that lead to them.
import { createReadStream } from 'node:fs';
import { lstat, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef } from './artifact-store.ts';

/** What a sweep found, or freed. */
export interface Sweep {
  /** Objects that nothing refers to. */
  readonly objects: number;
  /** Bytes on the disk that go with them. */
  readonly bytes: number;
  /** Files and folders to remove, absolute paths. */
  readonly paths: readonly string[];
}

const HASH = /[0-9a-f]{64}/g;
/** Objects that begin otherwise are numbers, which refer to nothing. */
const TEXT = new Set(['{', '[']);

/**
 * Finds what is not referred to: an object counts as referred to when its hash is among `roots`, or stands in the text of one that does,
 * as in a folder's manifest or in a training's snapshots. Removes nothing.
 */
export async function unreferenced(
  root: string,
  roots: Iterable<Pick<ArtifactRef, 'sha256'>>,
): Promise<Sweep> {
  const objects = new Map((await hashed(join(root, 'objects'))).map((path) => [nameOf(path), path]));
  const live = new Set<string>();
  const waiting = [...roots].map(({ sha256 }) => sha256);
  for (let sha256 = waiting.pop(); sha256 !== undefined; sha256 = waiting.pop()) {
    const path = objects.get(sha256);
    if (path === undefined || live.has(sha256)) continue;
    live.add(sha256);
    for (const found of await hashesIn(path)) if (objects.has(found)) waiting.push(found);
  }
  const dead = [...objects].filter(([sha256]) => !live.has(sha256)).map(([, path]) => path);
  const folders = (await hashed(join(root, 'folders'))).filter((path) => !live.has(nameOf(path)));
  const keys: string[] = [];
  for (const path of await hashed(join(root, 'keys'))) {
    const [sha256] = (await readFile(path, 'utf8')).match(HASH) ?? [];
    if (sha256 === undefined || !live.has(sha256)) keys.push(path);
  }
  const temporary = join(root, 'temporary');
  const left = (await readdir(temporary).catch(() => [])).map((name) => join(temporary, name));
  const paths = [...keys, ...folders, ...dead, ...left];
  return { objects: dead.length, bytes: await bytesOf(paths), paths };
}

/** Removes what was found; keys first, so that no key leads to nothing. */
export async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}

/**
 * Bytes on the disk that the removal of these files and folders frees: those of a file with several names only where all of its names go.
 */
export async function bytesOf(paths: readonly string[]): Promise<number> {
  const files = new Map<string, { names: number; readonly of: number; readonly bytes: number }>();
  const count = async (path: string): Promise<void> => {
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const name of await readdir(path)) await count(join(path, name));
      return;
    }
    const id = `${stat.dev} ${stat.ino}`;
    const file = files.get(id) ?? { names: 0, of: stat.nlink, bytes: stat.blocks * 512 };
    file.names += 1;
    files.set(id, file);
  };
  for (const path of paths) await count(path);
  return [...files.values()].reduce((sum, { names, of, bytes }) => sum + (names >= of ? bytes : 0), 0);
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The entries of a folder of folders that are named by a hash. */
async function hashed(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const part of await readdir(folder).catch(() => []))
    for (const name of await readdir(join(folder, part)).catch(() => []))
      if (/^[0-9a-f]{64}$/.test(name)) found.push(join(folder, part, name));
  return found;
}

/** The hashes that stand in an object's text. */
export async function hashesIn(path: string): Promise<Set<string>> {
  const found = new Set<string>();
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0);
    if (bytesRead === 0 || !TEXT.has(buffer.toString('latin1'))) return found;
  } finally {
    await file.close();
  }
  let rest = '';
  const pieces: AsyncIterable<Buffer> = createReadStream(path);
  for await (const piece of pieces) {
    const text = rest + piece.toString('latin1');
    for (const [hash] of text.matchAll(HASH)) found.add(hash);
    rest = text.slice(-63);
  }
  return found;
}
