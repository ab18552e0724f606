// The artifact store in a bucket of a real S3 server: what every store promises, and what a network and a server do to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { type ArtifactStore, hashKey, openStore, sha256Hex, sweepStore } from '@overtone/artifacts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  inPieces,
  patterned,
  storeContract,
  type StoreUnderTest,
} from '../../libs/artifacts/src/store-contract.fixture.ts';
import { CANARY, noS3Server, RawBucket, S3Server } from './s3-server.fixture.ts';
import { TcpProxy } from './tcp-proxy.fixture.ts';

const MiB = 2 ** 20;
const BUCKET = 'artifacts';
const SETTINGS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_ENDPOINT_URL_S3',
  'AWS_REGION',
  'AWS_EC2_METADATA_DISABLED',
  'OVERTONE_CACHE',
  'OVERTONE_S3_TIMEOUT_S',
  'OVERTONE_S3_PATIENCE_S',
];

if (noS3Server !== undefined) process.stderr.write(`${noS3Server}\n`);

describe.skipIf(noS3Server !== undefined)('s3:// on a real server', () => {
  let server: S3Server;
  let raw: RawBucket;
  let cache = '';
  let prefixes = 0;
  let prefix = '';
  const before = new Map(SETTINGS.map((name) => [name, process.env[name]]));

  beforeAll(async () => {
    server = await S3Server.start(BUCKET);
    raw = new RawBucket(server.endpoint, BUCKET);
  });
  afterAll(async () => {
    raw.close();
    await server.close();
  });
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'overtone-cache-'));
    prefixes += 1;
    prefix = `runs/${prefixes}/`;
    Object.assign(process.env, server.environment, {
      OVERTONE_CACHE: cache,
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });
  afterEach(async () => {
    await rm(cache, { recursive: true, force: true });
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });

  const uri = (): string => `s3://${BUCKET}/${prefix}`;
  const forget = async (): Promise<void> => {
    for (const name of await readdir(cache)) await rm(join(cache, name), { recursive: true, force: true });
  };
  /** A store that knows nothing yet, behind a proxy. */
  async function behind(proxy: TcpProxy): Promise<ArtifactStore> {
    process.env.AWS_ENDPOINT_URL_S3 = `http://127.0.0.1:${proxy.port}`;
    return openStore(uri());
  }

  describe('keeps what every store promises', () => {
    storeContract(
      async (): Promise<StoreUnderTest> => ({
        uri: uri(),
        environment: {},
        overwrite: (name, bytes) => raw.put(prefix + name, bytes),
        remove: (name) => raw.remove(prefix + name),
        names: async () => (await raw.keys(prefix)).map((key) => key.slice(prefix.length)),
        forget,
      }),
      { runs: 10, sizes: [0, 1, 8 * MiB, 8 * MiB + 1, 17 * MiB] },
    );
  });

  it('has the names of the file store: a bucket can be copied to a folder, and back', async () => {
    const store = openStore(uri());
    const folder = join(cache, 'source');
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'deep/weights.bin'), patterned(100_000, 1));
    const key = hashKey('copied');
    const ref = await store.putFolder(folder, 'x/y');
    await store.bind(key, ref);

    const copy = join(cache, 'copy');
    for (const name of await raw.keys(prefix)) {
      const path = join(copy, name.slice(prefix.length));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await raw.get(name));
    }
    const local = openStore(pathToFileURL(copy).href);
    expect(await local.resolve(key)).toEqual(ref);
    const opened = await local.openFolder(ref);
    expect(await readFile(join(opened, 'deep/weights.bin'))).toEqual(Buffer.from(patterned(100_000, 1)));

    prefix += 'back/';
    for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && !path.includes('/folders/'))
        await raw.put(prefix + relative(copy, path), await readFile(path));
    }
    await forget();
    const back = openStore(uri());
    expect(await back.resolve(key)).toEqual(ref);
    expect(await readdir(await back.openFolder(ref))).toEqual(['deep']);
  });

  it('outlives a server that is killed in the middle of an upload, and started again', async () => {
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port });
    const store = await behind(proxy);
    const bytes = patterned(20 * MiB, 5);
    proxy.behaviour = { bytesPerSecond: 60 * MiB };
    const putting = store.put(inPieces(bytes, MiB), 'x/y');
    putting.catch(() => {});
    while (proxy.passed.up < 9 * MiB) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.kill();
    proxy.behaviour = {};
    await server.run();
    const ref = await putting;
    await forget();
    expect(sha256Hex(await store.get(ref))).toBe(ref.sha256);
    expect(await raw.keys(prefix)).toHaveLength(1);
    await proxy.close();
  });

  it('shows nothing of a writer that is killed, nor of an upload that is cancelled', async () => {
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port });
    const store = await behind(proxy);
    proxy.behaviour = { bytesPerSecond: 30 * MiB };
    const program = `
      import { openStore } from '${import.meta.resolve('@overtone/artifacts')}';
      await openStore(process.argv[1]).put(new Uint8Array(20 * 2 ** 20).fill(7), 'x/y');`;
    const writer = spawn(process.execPath, ['--input-type=module', '-e', program, uri()], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    while (proxy.passed.up < 9 * MiB) await new Promise((resolve) => setTimeout(resolve, 5));
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect(await raw.keys(prefix)).toEqual([]);

    const cancelling = new AbortController();
    const sent = proxy.passed.up;
    const putting = store.put(patterned(20 * MiB, 6), 'x/y', { signal: cancelling.signal });
    const refused = expect(putting).rejects.toThrow('enough');
    while (proxy.passed.up < sent + 9 * MiB) await new Promise((resolve) => setTimeout(resolve, 5));
    cancelling.abort(new Error('enough'));
    await refused;
    expect(await raw.keys(prefix)).toEqual([]);
    // The killed one could give nothing up; the cancelled one has.
    expect(await raw.unfinished(prefix)).toBe(1);
    await sweepStore(uri(), [], { olderThanMs: -5000, free: true });
    expect(await raw.unfinished(prefix)).toBe(0);
    proxy.behaviour = {};
    const ref = await store.put(new Uint8Array(20 * MiB).fill(7), 'x/y');
    expect(await store.size(ref)).toBe(20 * MiB);
    await proxy.close();
  });

  it('goes on where connections break off, in both directions', async () => {
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port });
    const store = await behind(proxy);
    const bytes = patterned(20 * MiB, 7);
    proxy.behaviour = { cutRequestAfter: 3 * MiB, cuts: 3 };
    const ref = await store.put(bytes, 'x/y');
    expect(proxy.behaviour.cuts).toBe(0);
    await forget();
    proxy.behaviour = { cutAnswerAfter: 3 * MiB, cuts: 3 };
    expect(Buffer.compare(await store.get(ref), bytes)).toBe(0);
    expect(proxy.behaviour.cuts).toBe(0);
    await proxy.close();
  });

  it('waits for a slow server, and not for a silent one', async () => {
    process.env.OVERTONE_S3_TIMEOUT_S = '3';
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port });
    const store = await behind(proxy);
    proxy.behaviour = { bytesPerSecond: 300_000 };
    const ref = await store.put(patterned(200_000, 8), 'x/y');
    await forget();
    expect(await store.get(ref)).toHaveLength(200_000);
    Object.assign(process.env, { OVERTONE_S3_TIMEOUT_S: '0.4', OVERTONE_S3_PATIENCE_S: '0.5' });
    const impatient = await behind(proxy);
    proxy.behaviour = { silent: true };
    await expect(impatient.has(ref)).rejects.toThrow(
      /http:\/\/127\.0\.0\.1:\d+ cannot be reached, or does not answer: look at AWS_ENDPOINT_URL_S3/,
    );
    proxy.behaviour = {};
    expect(await impatient.has(ref)).toBe(true);
    await proxy.close();
  });

  it('fetches an object once, however many ask for it, and again when the local copy is damaged', async () => {
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port });
    const store = await behind(proxy);
    const bytes = patterned(3 * MiB, 9);
    const ref = await store.put(bytes, 'x/y');
    await forget();
    const begin = proxy.passed.down;
    await Promise.all(Array.from({ length: 8 }, () => store.get(ref)));
    await store.openFile(ref);
    expect(proxy.passed.down - begin).toBeLessThan(3.5 * MiB);
    const path = await store.openFile(ref);
    await rm(path);
    await writeFile(path, 'damaged');
    expect(Buffer.compare(await store.get(ref), bytes)).toBe(0);
    expect(Buffer.compare(await readFile(await store.openFile(ref)), bytes)).toBe(0);
    await proxy.close();
  });

  it('holds a few parts of a large stream in memory, however long it is', async () => {
    const program = `
      import { openStore } from '${import.meta.resolve('@overtone/artifacts')}';
      async function* pieces() { for (let i = 0; i < 144; i += 1) yield new Uint8Array(2 ** 20).fill(i); }
      const store = openStore(process.argv[1]);
      const small = await store.put(new Uint8Array(2 ** 20), 'x/y');
      const begin = process.memoryUsage().rss;
      let most = 0;
      setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20).unref();
      const ref = await store.put(pieces(), 'x/y');
      console.log(JSON.stringify({ ref, grown: most - begin }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, uri()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    const { ref, grown } = JSON.parse(said) as { ref: { sha256: string; mediaType: string }; grown: number };
    expect(await openStore(uri()).size(ref)).toBe(144 * MiB);
    expect(grown).toBeLessThan(120 * MiB);
  });

  describe('says which setting to look at, and never a credential', () => {
    const ref = { sha256: sha256Hex('x'), mediaType: 'x/y' };
    const seen = (error: unknown): string => inspect(error, { depth: Infinity, showHidden: true });

    it.each<[string, () => Record<string, string> | Promise<Record<string, string>>, RegExp]>([
      ['a bucket that is not there', () => ({}), /there is no bucket "nobody".*OVERTONE_ARTIFACTS/],
      [
        'a wrong secret',
        () => ({ AWS_SECRET_ACCESS_KEY: 'canaryWrongSecretCanaryWrongSecret000000' }),
        /refuses the signature: look at AWS_SECRET_ACCESS_KEY/,
      ],
      [
        'a key that the server does not know',
        () => ({ AWS_ACCESS_KEY_ID: 'canarywrongkey000001' }),
        /does not know these credentials: look at AWS_ACCESS_KEY_ID/,
      ],
      [
        'no credentials',
        () => ({
          AWS_ACCESS_KEY_ID: '',
          AWS_SECRET_ACCESS_KEY: '',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        }),
        /no credentials that can be used: set AWS_ACCESS_KEY_ID/,
      ],
      [
        'an endpoint where nobody listens',
        () => ({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9', OVERTONE_S3_PATIENCE_S: '0.5' }),
        /http:\/\/127\.0\.0\.1:9 cannot be reached.*AWS_ENDPOINT_URL_S3/,
      ],
    ])('%s', async (what, environment, message) => {
      Object.assign(process.env, await environment());
      const store = openStore(what.startsWith('a bucket') ? 's3://nobody/x' : uri());
      for (const attempt of [
        () => store.resolve(hashKey('x')),
        () => store.put(new Uint8Array(3), 'x/y'),
        () => store.get(ref),
      ]) {
        const error: unknown = await attempt().catch((reason: unknown) => reason);
        expect(String(error)).toMatch(message);
        expect(String(error)).toContain('s3://');
        expect(seen(error)).not.toMatch(/canary/i);
        for (const secret of Object.values(CANARY)) expect(seen(error)).not.toContain(secret);
      }
    });
  });

  it('takes renewed credentials from a mounted file, without a restart', async () => {
    const file = join(cache, 'credentials');
    const write = (secret: string): Promise<void> =>
      writeFile(
        file,
        `[default]\naws_access_key_id = ${CANARY.AWS_ACCESS_KEY_ID}\naws_secret_access_key = ${secret}\n`,
      );
    delete process.env.AWS_ACCESS_KEY_ID;
    delete process.env.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_SHARED_CREDENTIALS_FILE = file;
    await write('outdated');
    const store = openStore(uri());
    await expect(store.resolve(hashKey('x'))).rejects.toThrow(/AWS_SECRET_ACCESS_KEY/);
    await write(CANARY.AWS_SECRET_ACCESS_KEY);
    expect(await store.resolve(hashKey('x'))).toBeUndefined();
  });
});
