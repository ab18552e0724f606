import { link, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ReadCache, readCacheSettings, sweep } from './read-cache.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-cache-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const HOUR = 3_600_000;
const KiB = 1024;

/** A file that was last used so many hours ago. */
async function copy(name: string, hours: number, size = 100 * KiB): Promise<string> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, new Uint8Array(size).fill(1));
  await used(path, hours);
  return path;
}
async function used(path: string, hours: number): Promise<void> {
  const time = new Date(Date.now() - hours * HOUR);
  await utimes(path, time, time);
}
const left = async (): Promise<string[]> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
};

it('loses what was not used for longest until the rest fits, and nothing of the last hour', async () => {
  await copy('objects/aa/old', 30);
  await copy('objects/aa/older', 40);
  await copy('objects/bb/lately', 2);
  await copy('objects/bb/now', 0.5);
  await copy('temporary/left', 50);
  await sweep(root, 320 * KiB);
  expect(await left()).toEqual(['lately', 'now', 'old']);
  await sweep(root, 1);
  expect(await left()).toEqual(['now']);
});

it('counts a file with several names once, and frees it with the last of them', async () => {
  const object = await copy('objects/aa/shared', 30);
  await mkdir(join(root, 'folders/ff/folder'), { recursive: true });
  await link(object, join(root, 'folders/ff/folder/file'));
  await used(join(root, 'folders/ff/folder'), 20);
  await copy('objects/bb/other', 10);
  await sweep(root, 250 * KiB);
  expect(await left()).toEqual(['file', 'other', 'shared']);
  // The object's name alone frees nothing: the folder goes too.
  await sweep(root, 150 * KiB);
  expect(await left()).toEqual(['other']);
});

it('lies where it is told to, or else where it can, for its user alone', async () => {
  const wanted = join(root, 'wanted');
  const { objects } = await ReadCache.open({ folder: wanted, bytes: 1 }, {});
  expect(objects.root).toBe(wanted);
  const own = await ReadCache.open({ folder: undefined, bytes: 1 }, { XDG_CACHE_HOME: root });
  expect(own.objects.root).toBe(join(root, 'overtone/artifacts'));
  expect((await stat(own.objects.root)).mode & 0o077).toBe(0);
  await copy('file', 0);
  await expect(ReadCache.open({ folder: join(root, 'file/x'), bytes: 1 }, {})).rejects.toThrow(
    /set OVERTONE_CACHE to a folder that can/,
  );
});

it('sweeps in the background, once enough has come', async () => {
  const cache = await ReadCache.open({ folder: root, bytes: 150 * KiB }, {});
  await copy('objects/aa/old', 30);
  await copy('objects/aa/older', 40);
  cache.added(1);
  await cache.settled();
  expect(await left()).toEqual(['old']);
});

it('has a size with a unit, and an absolute path', () => {
  expect(readCacheSettings({})).toEqual({ folder: undefined, bytes: 20 * 2 ** 30 });
  expect(readCacheSettings({ OVERTONE_CACHE: '/c', OVERTONE_CACHE_SIZE: '1.5GiB' })).toEqual({
    folder: '/c',
    bytes: 1.5 * 2 ** 30,
  });
  expect(() => readCacheSettings({ OVERTONE_CACHE_SIZE: '5' })).toThrow(
    /OVERTONE_CACHE_SIZE: expected a size/,
  );
  expect(() => readCacheSettings({ OVERTONE_CACHE: 'c' })).toThrow(
    /OVERTONE_CACHE: expected an absolute path/,
  );
});
