// What every store promises, as tests that any backend runs: the same commands against the store and against a plain map.
import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactRef, type ArtifactStore, hashKey, openStore, sha256Hex, sweepStore } from './index.ts';

/** A store, and ways past it. */
export interface StoreUnderTest {
  readonly uri: string;
  /** What processes that use it need in their environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Puts bytes under a name, such as "objects/ab/ab…", past the store. */
  overwrite(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  /** The names of everything that is stored. */
  names(): Promise<string[]>;
  /** Loses what this machine has copies of. */
  forget(): Promise<void>;
}

/** How much to try. */
export interface ContractOptions {
  /** Sequences of commands. */
  readonly runs: number;
  /** Sizes of objects to try, bytes: those at which a backend changes what it does. */
  readonly sizes: readonly number[];
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const objectName = (sha256: string): string => `objects/${sha256.slice(0, 2)}/${sha256}`;
const run = promisify(execFile);

/** Bytes that differ with the seed. */
export function patterned(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed + 1;
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** The same bytes in pieces. */
export async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += length) yield bytes.subarray(from, from + length);
}

/** Declares the tests. @param begin makes an empty store for each of them. */
export function storeContract(begin: () => Promise<StoreUnderTest>, { runs, sizes }: ContractOptions): void {
  let under: StoreUnderTest;
  let store: ArtifactStore;
  beforeEach(async () => {
    under = await begin();
    store = openStore(under.uri);
  });

  /** Bytes come back as they are from another process's point of view: nothing of this machine's copies is left. */
  async function fresh(): Promise<ArtifactStore> {
    await under.forget();
    return openStore(under.uri);
  }

  it('does what a map of hashes to bytes would do, whatever is asked of it in whatever order', async () => {
    const content = fc.nat({ max: 5 });
    const key = fc.nat({ max: 3 }).map((index) => hashKey({ key: index }));
    const command = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), content, streamed: fc.boolean() }),
      fc.record({ kind: fc.constant('read' as const), content }),
      fc.record({ kind: fc.constant('lose' as const), content }),
      fc.record({ kind: fc.constant('bind' as const), content, key }),
      fc.record({ kind: fc.constant('resolve' as const), key }),
      fc.record({ kind: fc.constant('forget' as const) }),
    );
    const bytesOf = (index: number): Uint8Array => patterned(index * 701, index);
    const refOf = (index: number): ArtifactRef => ({ sha256: sha256Hex(bytesOf(index)), mediaType: 'a/b' });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 14 }), async (commands) => {
        // The store is shared by all sequences: what one leaves behind is taken away before the next.
        for (const name of await under.names()) await under.remove(name);
        const objects = new Set<number>();
        const keys = new Map<string, number>();
        for (const one of commands) {
          switch (one.kind) {
            case 'put': {
              const bytes = bytesOf(one.content);
              const given = one.streamed ? inPieces(bytes, 100) : bytes;
              expect(await store.put(given, 'a/b')).toEqual(refOf(one.content));
              objects.add(one.content);
              break;
            }
            case 'read': {
              const ref = refOf(one.content);
              const there = objects.has(one.content);
              expect(await store.has(ref)).toBe(there);
              expect(await store.size(ref)).toBe(there ? bytesOf(one.content).length : undefined);
              if (there) expect(Buffer.compare(await store.get(ref), bytesOf(one.content))).toBe(0);
              break;
            }
            case 'lose':
              if (objects.delete(one.content)) await under.remove(objectName(refOf(one.content).sha256));
              break;
            case 'bind':
              await store.bind(one.key, refOf(one.content));
              keys.set(one.key, one.content);
              break;
            case 'resolve': {
              const bound = keys.get(one.key);
              const there = bound !== undefined && objects.has(bound);
              expect(await store.resolve(one.key)).toEqual(there ? refOf(bound) : undefined);
              break;
            }
            case 'forget':
              await under.forget();
          }
        }
        const expected = [...objects].map((index) => objectName(refOf(index).sha256));
        expect((await under.names()).filter((name) => name.startsWith('objects/')).sort()).toEqual(
          expected.sort(),
        );
      }),
      { numRuns: runs },
    );
  });

  it.each(sizes.map((size) => [size]))('keeps %d bytes, given at once or in pieces, once', async (size) => {
    const bytes = patterned(size, size);
    const ref = await store.put(inPieces(bytes, 65_537), 'x/y');
    expect(ref).toEqual({ sha256: sha256Hex(bytes), mediaType: 'x/y' });
    expect(await store.put(bytes, 'x/y')).toEqual(ref);
    expect(await under.names()).toEqual([objectName(ref.sha256)]);
    const reader = await fresh();
    expect(Buffer.compare(await reader.get(ref), bytes)).toBe(0);
    expect(Buffer.compare(await readFile(await reader.openFile(ref)), bytes)).toBe(0);
  });

  it('gives folders back as they were, the same folder under the same name', async () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9 ._é→-]{1,20}$/).filter((part) => !/^\.+$/.test(part));
    const tree = fc.uniqueArray(
      fc.record({
        path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
        size: fc.nat({ max: 3000 }),
      }),
      { minLength: 1, maxLength: 5, selector: ({ path }) => path.split('/')[0]?.toLowerCase().normalize() },
    );
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const folder = await mkdtemp(join(tmpdir(), 'overtone-tree-'));
        try {
          for (const { path, size } of files) {
            await mkdir(dirname(join(folder, path)), { recursive: true });
            await writeFile(join(folder, path), patterned(size, size));
          }
          const ref = await store.putFolder(folder, 'x/y');
          expect(await store.putFolder(`${folder}/`, 'x/y')).toEqual(ref);
          const opened = await (await fresh()).openFolder(ref);
          const found = await readdir(opened, { recursive: true, withFileTypes: true });
          expect(found.filter((entry) => entry.isFile())).toHaveLength(files.length);
          for (const { path, size } of files)
            expect(Buffer.compare(await readFile(join(opened, path)), patterned(size, size))).toBe(0);
        } finally {
          await rm(folder, { recursive: true });
        }
      }),
      { numRuns: Math.max(3, Math.floor(runs / 3)) },
    );
  });

  it('gives rows back one by one, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (rows) => {
        const ref = await store.writeJsonl(rows);
        const read: unknown[] = [];
        for await (const row of (await fresh()).readJsonl(ref, (value) => value)) read.push(row);
        expect(read).toEqual(JSON.parse(JSON.stringify(rows)));
      }),
      { numRuns: Math.max(3, Math.floor(runs / 3)) },
    );
  });

  describe('refuses an object', () => {
    it.each([
      ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
      ['emptied', () => new Uint8Array()],
      ['with a changed bit', (bytes: Uint8Array) => bytes.with(7, (bytes[7] ?? 0) ^ 1)],
      ['that goes on', (bytes: Uint8Array) => new Uint8Array([...bytes, 0])],
    ])('%s, says where it lies, and mends it when it is put again', async (_, damage) => {
      const bytes = patterned(5000, 1);
      const ref = await store.put(bytes, 'x/y');
      await under.overwrite(objectName(ref.sha256), damage(bytes));
      const reader = await fresh();
      const place = new RegExp(`${objectName(ref.sha256)} is corrupt: .*Delete .* and run again`);
      await expect(reader.get(ref)).rejects.toThrow(place);
      await expect(reader.openFile(ref)).rejects.toThrow(place);
      await expect(reader.readJsonl(ref, (value) => value).next()).rejects.toThrow(place);
      await openStore(under.uri).put(bytes, 'x/y');
      expect(Buffer.compare(await (await fresh()).get(ref), bytes)).toBe(0);
    });

    it('that is not there, or is no folder', async () => {
      const ref = { sha256: sha256Hex('nothing'), mediaType: 'x/y' };
      await expect(store.get(ref)).rejects.toThrow(/is not in .*must share one artifact store/);
      await expect(store.openFolder(ref)).rejects.toThrow(/is not in .*must share one artifact store/);
      const rows = await store.put(text('{"rows":1}'), 'application/json');
      await expect(store.openFolder(rows)).rejects.toThrow(/is no folder/);
    });

    it('that is a manifest which leads out of its folder', async () => {
      const { sha256 } = await store.put(text('x'), 'x/y');
      for (const path of ['../x', '/x', 'a/../../x', 'a\u0000b', 'a//b', 'C:/x', '..\\x']) {
        const files = { files: [{ path, sha256, size: 1 }], version: 1 };
        const evil = await store.put(text(JSON.stringify(files)), 'application/json');
        await expect(store.openFolder(evil)).rejects.toThrow(/the manifest's path/);
      }
    });
  });

  it('shows nothing of what was cancelled, or whose source failed', async () => {
    const bytes = patterned(Math.max(...sizes), 2);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 1000);
      throw new Error('lost connection');
    }
    await expect(store.put(failing(), 'x/y')).rejects.toThrow('lost connection');
    const cancelling = new AbortController();
    async function* cancelled(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 1000);
      cancelling.abort(new Error('cancelled'));
      yield bytes.subarray(1000);
    }
    await expect(store.put(cancelled(), 'x/y', { signal: cancelling.signal })).rejects.toThrow('cancelled');
    const late = AbortSignal.abort(new Error('too late'));
    await expect(store.put(bytes, 'x/y', { signal: late })).rejects.toThrow('too late');
    expect(await under.names()).toEqual([]);
    const ref = await store.put(bytes, 'x/y');
    await expect((await fresh()).get(ref, { signal: late })).rejects.toThrow();
    expect(Buffer.compare(await store.get(ref), bytes)).toBe(0);
  });

  it('says that a key leads nowhere it understands', async () => {
    const key = hashKey('damaged');
    await under.overwrite(`keys/${key.slice(0, 2)}/${key}`, text('{"sha256":"../x"}'));
    await expect(store.resolve(key)).rejects.toThrow(/is corrupt: it is no reference/);
    await expect(store.resolve('../x')).rejects.toThrow(/hashKey/);
    await expect(store.bind(key, { sha256: '../x', mediaType: '' })).rejects.toThrow(/is no artifact/);
  });

  it('is freed of what no root leads to, unless it is young, and of keys that would lead to nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'overtone-swept-'));
    await writeFile(join(folder, 'weights.bin'), patterned(2000, 4));
    const weights = await store.putFolder(folder, 'x/y');
    await rm(folder, { recursive: true });
    const result = await store.writeJsonl([{ weights }]);
    const dead = await store.writeJsonl([{ of: 'nobody' }]);
    const [kept, lost] = [hashKey('kept'), hashKey('lost')];
    await store.bind(kept, result);
    await store.bind(lost, dead);
    const everything = (await under.names()).sort();
    const sweep = (olderThanMs: number, free: boolean): Promise<{ objects: number; entries: number }> =>
      sweepStore(under.uri, [result], { olderThanMs, free });
    expect(await sweep(3_600_000, true)).toMatchObject({ objects: 0, entries: 0 });
    // Its clock may count in seconds.
    expect(await sweep(-5000, false)).toMatchObject({ objects: 1, entries: 2 });
    expect((await under.names()).sort()).toEqual(everything);
    await sweep(-5000, true);
    expect(await store.resolve(kept)).toEqual(result);
    expect(await readdir(await (await fresh()).openFolder(weights))).toEqual(['weights.bin']);
    expect(await store.resolve(lost)).toBeUndefined();
    expect(await under.names()).toHaveLength(everything.length - 2);
  });

  it('is shared safely by processes that write the same and different things', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'overtone-shared-'));
    await writeFile(join(folder, 'weights.bin'), patterned(300_000, 3));
    const program = `
      import { openStore } from '${import.meta.resolve('./index.ts')}';
      const [uri, key, folder] = process.argv.slice(1);
      const store = openStore(uri);
      const refs = [];
      for (let round = 0; round < 6; round += 1) {
        refs.push(await store.put(new Uint8Array(50_000).fill(round), 'a/b'));
        const ref = await store.putFolder(folder, 'x/y');
        await store.openFolder(ref);
        await store.bind(key, ref);
        if ((await store.resolve(key))?.sha256 !== ref.sha256) throw new Error('lost');
      }
      console.log(refs.map(({ sha256 }) => sha256).join());`;
    const processes = await Promise.all(
      [1, 2, 3].map(() =>
        run(process.execPath, ['--input-type=module', '-e', program, under.uri, hashKey('shared'), folder], {
          cwd: import.meta.dirname,
          env: { ...process.env, ...under.environment },
        }),
      ),
    );
    await rm(folder, { recursive: true });
    expect(new Set(processes.map(({ stdout }) => stdout)).size).toBe(1);
    const reader = await fresh();
    for (const sha256 of (processes[0]?.stdout ?? '').trim().split(','))
      expect(await reader.get({ sha256, mediaType: 'a/b' })).toHaveLength(50_000);
    // Six objects, a file, its manifest, and the key.
    expect(await under.names()).toHaveLength(9);
  });
}
