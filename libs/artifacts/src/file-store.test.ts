import fc from 'fast-check';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactStore, hashKey, openStore, sha256Hex } from './index.ts';
import { storeContract } from './store-contract.fixture.ts';

let root: string;
let store: ArtifactStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-store-'));
  store = openStore(pathToFileURL(root).href);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const objectPath = (sha256: string): string => join(root, 'objects', sha256.slice(0, 2), sha256);

describe('objects', () => {
  it('come back as they were put, whole or in pieces, under their hash', async () => {
    const whole = await store.put(text('abc'), 'text/plain');
    // The SHA-256 of "abc" from FIPS 180-2, appendix B.1.
    expect(whole).toEqual({
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      mediaType: 'text/plain',
    });
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield text('a');
      yield text('bc');
    }
    expect(await store.put(pieces(), 'text/plain')).toEqual(whole);
    expect(new TextDecoder().decode(await store.get(whole))).toBe('abc');
    expect(await store.has(whole)).toBe(true);
  });

  it('are read-only on disk', async () => {
    const { sha256 } = await store.put(text('abc'), 'text/plain');
    expect((await stat(objectPath(sha256))).mode & 0o777).toBe(0o444);
  });

  it('that were damaged are reported with their file, and mended by putting them again', async () => {
    const ref = await store.put(text('abc'), 'text/plain');
    await chmod(objectPath(ref.sha256), 0o644);
    await writeFile(objectPath(ref.sha256), 'abd');
    await expect(store.get(ref)).rejects.toThrow(`${objectPath(ref.sha256)} is corrupt`);
    await store.put(text('abc'), 'text/plain');
    expect(await store.get(ref)).toHaveLength(3);
  });

  it('that are missing or misnamed are refused with what to do', async () => {
    const missing = { sha256: sha256Hex('nothing'), mediaType: 'text/plain' };
    await expect(store.get(missing)).rejects.toThrow(/is not in file:\/\/.* must share one artifact store/);
    await expect(store.get({ sha256: '../../etc/passwd', mediaType: '' })).rejects.toThrow(/is no artifact/);
  });

  it('leave nothing behind when their source fails', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield text('half');
      throw new Error('lost connection');
    }
    await expect(store.put(failing(), 'text/plain')).rejects.toThrow('lost connection');
    expect(await readdir(join(root, 'temporary'))).toEqual([]);
    expect(await readdir(root)).toEqual(['temporary']);
  });
});

describe('folders', () => {
  it('come back with their files, the same folder under the same name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'overtone-folder-'));
    await mkdir(join(folder, 'deep/er'), { recursive: true });
    await writeFile(join(folder, 'config.json'), '{}');
    await writeFile(join(folder, 'deep/er/weights.bin'), new Uint8Array(200_000).fill(7));
    const ref = await store.putFolder(folder, 'application/vnd.overtone.adapter');
    expect(await store.putFolder(`${folder}/`, 'application/vnd.overtone.adapter')).toEqual(ref);
    const opened = await store.openFolder(ref);
    expect(await store.openFolder(ref)).toBe(opened);
    expect(await readFile(join(opened, 'config.json'), 'utf8')).toBe('{}');
    expect((await readFile(join(opened, 'deep/er/weights.bin'))).every((byte) => byte === 7)).toBe(true);
    await rm(folder, { recursive: true });
  });

  it('refuse what is no folder, has no files, or would not travel', async () => {
    const ref = await store.put(text('{"rows":1}'), 'application/json');
    await expect(store.openFolder(ref)).rejects.toThrow(/is no folder/);
    const escape = { files: [{ path: '../x', sha256: ref.sha256, size: 1 }], version: 1 };
    const evil = await store.put(text(JSON.stringify(escape)), 'application/json');
    await expect(store.openFolder(evil)).rejects.toThrow(/would leave the folder/);
    const folder = await mkdtemp(join(tmpdir(), 'overtone-folder-'));
    await expect(store.putFolder(folder, 'x/y')).rejects.toThrow(/no files/);
    await symlink('/etc/passwd', join(folder, 'link'));
    await expect(store.putFolder(folder, 'x/y')).rejects.toThrow(/cannot hold links/);
    await rm(folder, { recursive: true });
  });
});

describe('JSON lines', () => {
  it('come back row by row, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (rows) => {
        const ref = await store.writeJsonl(rows);
        const read: unknown[] = [];
        for await (const row of store.readJsonl(ref, (value) => value)) read.push(row);
        expect(read).toEqual(JSON.parse(JSON.stringify(rows)));
      }),
      { numRuns: 30 },
    );
  });

  it('stream: many megabytes of multi-byte text, read as far as asked', async () => {
    const rows = function* (): Generator<object> {
      for (let id = 0; id < 20_000; id += 1) yield { id, text: '→é'.repeat(30) };
    };
    const ref = await store.writeJsonl(rows());
    let count = 0;
    for await (const row of store.readJsonl(ref, (value) => value)) {
      expect(row).toEqual({ id: count, text: '→é'.repeat(30) });
      count += 1;
      if (count === 15_000) break;
    }
    expect(count).toBe(15_000);
  });

  it('name the artifact and the line of what is wrong', async () => {
    const ref = await store.put(text('{"id":1}\n{"id":\n'), 'application/jsonl');
    const read = async (parse: (value: unknown) => unknown): Promise<void> => {
      for await (const _ of store.readJsonl(ref, parse));
    };
    await expect(read((value) => value)).rejects.toThrow(new RegExp(`${ref.sha256}.*, line 2: .*JSON`));
    const refuse = (): never => {
      throw new Error('id: expected a string');
    };
    await expect(read(refuse)).rejects.toThrow('line 1: id: expected a string');
    await expect(store.writeJsonl([1, undefined])).rejects.toThrow(/row 1 is undefined/);
  });
});

describe('keys', () => {
  const key = hashKey({ stage: 'sample', seed: 1 });

  it('lead to the result that they were bound to last', async () => {
    expect(await store.resolve(key)).toBeUndefined();
    const [first, second] = [await store.put(text('1'), 'a/b'), await store.put(text('2'), 'a/b')];
    await store.bind(key, first);
    await store.bind(key, second);
    expect(await store.resolve(key)).toEqual(second);
    expect(await openStore(store.uri).resolve(key)).toEqual(second);
  });

  it('lead nowhere when the object is gone, so that it is made again', async () => {
    const ref = await store.put(text('1'), 'a/b');
    await store.bind(key, ref);
    await rm(objectPath(ref.sha256));
    expect(await store.resolve(key)).toBeUndefined();
  });

  it('must be hashes', async () => {
    await expect(store.resolve('../x')).rejects.toThrow(/hashKey/);
  });
});

describe('keeps what every store promises', () => {
  storeContract(
    async () => ({
      uri: store.uri,
      environment: {},
      overwrite: async (name, bytes) => {
        const path = join(root, name);
        await mkdir(dirname(path), { recursive: true });
        await rm(path, { force: true });
        await writeFile(path, bytes);
      },
      remove: (name) => rm(join(root, name)),
      names: async () => {
        const entries = await readdir(root, { recursive: true, withFileTypes: true });
        return entries
          .filter((entry) => entry.isFile())
          .map((entry) => relative(root, join(entry.parentPath, entry.name)))
          .filter((name) => !/^(?:folders|temporary)/.test(name));
      },
      forget: async () => {},
    }),
    { runs: 20, sizes: [0, 1, 200_000] },
  );
});

describe('openStore', () => {
  it.each([
    ['gs://bucket', /unknown scheme "gs:\/\/"/],
    ['/plain/path', /write file:\/\/\/absolute/],
  ])('refuses %s with what to do', (uri, message) => {
    expect(() => openStore(uri)).toThrow(message);
  });
});
