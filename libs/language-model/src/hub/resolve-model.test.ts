import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadModel } from '../checkpoint.ts';
import { startHub, type HubServer, type Repository } from './hub-server.fixture.ts';
import { parseHubReference } from './reference.ts';
import { locateModel, resolveModel, type ResolveOptions } from './resolve-model.ts';

const miniature = fileURLToPath(new URL('../../../miniature/model', import.meta.url));
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const TOKEN = 'secret-of-the-test';

const roots: string[] = [];
const servers: HubServer[] = [];
let root = '';
let environment: Record<string, string> = {};
const model: Record<string, Uint8Array> = {};

async function hub(repository: Repository): Promise<HubServer> {
  const server = await startHub(repository);
  servers.push(server);
  environment['HF_ENDPOINT'] = server.endpoint;
  return server;
}
const options = (more: ResolveOptions = {}): ResolveOptions => ({ environment, retries: 0, ...more });
const cache = (): string => join(root, 'hub', 'models--owner--name');
const blobs = async (): Promise<string[]> => (await readdir(join(cache(), 'blobs')).catch(() => [])).sort();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-hub-'));
  roots.push(root);
  environment = { HF_HOME: root };
  for (const file of FILES) model[file] = await readFile(join(miniature, file));
});
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(() => Promise.all(roots.map((folder) => rm(folder, { recursive: true, force: true }))));

describe('a reference', () => {
  it('is a name on the hub, with a file and a revision', () => {
    expect(parseHubReference('Qwen/Qwen3-1.7B-Base')).toEqual({
      repository: 'Qwen/Qwen3-1.7B-Base',
      revision: 'main',
    });
    expect(parseHubReference('a/b@refs/pr/1')).toEqual({ repository: 'a/b', revision: 'refs/pr/1' });
    expect(parseHubReference('a/b/c-Q8_0.gguf@v1')).toEqual({
      repository: 'a/b',
      revision: 'v1',
      file: 'c-Q8_0.gguf',
    });
    for (const text of [
      'gpt2',
      './a/b',
      '/a/b',
      '../a',
      'a/../b',
      'a/b/c',
      'a/b@',
      'a/b@../../x',
      'a b/c',
      'a--b/c',
    ])
      expect(parseHubReference(text), text).toBeUndefined();
  });

  it('to what is on disk is itself, and anything else says what is expected', async () => {
    expect(await resolveModel(miniature, options())).toBe(miniature);
    await expect(resolveModel('./nowhere', options())).rejects.toThrow(
      /\.\/nowhere: there is no such model folder or \.gguf file; models on the hub are named owner\/name/,
    );
  });
});

describe('a model on the hub', () => {
  it('is fetched into the cache that Python shares, and loads; code is left where it is', async () => {
    const server = await hub({
      ...model,
      'pytorch_model.bin': Buffer.alloc(9),
      'modeling.py': Buffer.from('x'),
      'README.md': Buffer.from('x'),
    });
    const seen: number[] = [];
    const { path, reference } = await locateModel(
      'owner/name@v1',
      options({ onProgress: ({ bytes, total }) => seen.push(bytes / total) }),
    );
    expect(path).toBe(join(cache(), 'snapshots', server.commit));
    expect(reference).toBe(`owner/name@${server.commit}`);
    expect((await readdir(path)).sort()).toEqual([...FILES].sort());
    expect((await lstat(join(path, 'config.json'))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(cache(), 'refs', 'v1'), 'utf8')).toBe(server.commit);
    expect(await blobs()).toHaveLength(4);
    expect((await loadModel(path)).parameters.size).toBe((await loadModel(miniature)).parameters.size);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('is used without the hub when its commit is known, or when told to be offline', async () => {
    const server = await hub(model);
    const offline = { ...environment, HF_HUB_OFFLINE: '1' };
    await expect(resolveModel('owner/name', { environment: offline })).rejects.toThrow(
      /owner\/name: there is no such folder here, and the cache .* does not hold it whole; .*overtone model fetch owner\/name/,
    );
    const path = await resolveModel('owner/name', options());
    const count = server.requests.length;
    expect(await resolveModel(`owner/name@${server.commit}`, options())).toBe(path);
    expect(await resolveModel('owner/name', { environment: offline })).toBe(path);
    expect(server.requests.length).toBe(count);
    await resolveModel('owner/name', options());
    // Asks which commit main is, and fetches nothing.
    expect(server.requests.slice(count).some((request) => request.includes('/resolve/'))).toBe(false);
    await rm(join(path, 'model.safetensors'));
    await expect(resolveModel('owner/name', { environment: offline })).rejects.toThrow(
      /does not hold it whole/,
    );
  });

  it('is continued by the next call where the connection broke', async () => {
    const server = await hub(model);
    server.mischief.breakAfter = 300_000;
    await expect(resolveModel('owner/name', options())).rejects.toThrow(
      /owner\/name: the connection to http:\/\/127\.0\.0\.1:\d+ failed \(.*\); try again, what was fetched is kept/,
    );
    const [partial = ''] = (await blobs()).filter((name) => name.endsWith('.incomplete'));
    expect(partial).not.toBe('');
    const { size } = await lstat(join(cache(), 'blobs', partial));
    expect(size).toBeGreaterThan(0);
    delete server.mischief.breakAfter;
    const path = await resolveModel('owner/name', options());
    expect(server.requests.at(-1)).toMatch(new RegExp(`model\\.safetensors bytes=${size}-$`));
    expect(
      (await readFile(join(path, 'model.safetensors'))).equals(model['model.safetensors'] ?? Buffer.alloc(0)),
    ).toBe(true);
    expect((await blobs()).every((name) => /^[0-9a-f]+$/.test(name))).toBe(true);
  });

  it('is taken up again within a call', async () => {
    const server = await hub(model);
    server.mischief.breakAfter = (model['model.safetensors']?.length ?? 0) * 0.6;
    await resolveModel('owner/name', options({ retries: 1 }));
    expect(server.requests.filter((request) => request.includes('model.safetensors'))).toHaveLength(2);
  });

  it('that arrives corrupt is discarded, and never has its final name', async () => {
    const server = await hub(model);
    server.mischief.corrupt = true;
    await expect(resolveModel('owner/name', options())).rejects.toThrow(
      /owner\/name: model\.safetensors arrived corrupt: its sha256 is [0-9a-f]{64}, the hub says [0-9a-f]{64}/,
    );
    expect(await blobs()).toHaveLength(3);
    expect(await readdir(join(cache(), 'snapshots', server.commit))).not.toContain('model.safetensors');
    server.mischief.corrupt = false;
    await expect(resolveModel('owner/name', options())).resolves.toContain(server.commit);
  });

  it('that is gated, absent or out of reach says what to do, and never the token', async () => {
    const server = await hub(model);
    server.mischief.token = TOKEN;
    await expect(resolveModel('owner/name', options())).rejects.toThrow(
      /owner\/name: the hub refuses access \(401\): .*accept its conditions at .*\/owner\/name and set HF_TOKEN/,
    );
    environment['HF_TOKEN'] = `${TOKEN}x`;
    const refused = await resolveModel('owner/name', options()).catch((error: unknown) => error);
    expect(String(refused)).toMatch(/check that the token in HF_TOKEN may read it/);
    expect(String(refused)).not.toContain(TOKEN);
    environment['HF_TOKEN'] = TOKEN;
    await expect(resolveModel('owner/name', options())).resolves.toBeDefined();
    await expect(resolveModel('owner/other', options())).rejects.toThrow(
      /owner\/other: there is no such folder here, and no such model or revision at http/,
    );
    await server.close();
    await expect(resolveModel('owner/name', options())).rejects.toThrow(/\(ECONNREFUSED\).*HF_HUB_OFFLINE=1/);
  });

  it('with nothing but formats that can execute code is refused by name', async () => {
    await hub({ 'config.json': Buffer.from('{}'), 'pytorch_model.bin': Buffer.alloc(4) });
    await expect(resolveModel('owner/name', options())).rejects.toThrow(
      /owner\/name: .* only pytorch_model\.bin: formats that can execute code are not fetched/,
    );
  });

  it('that has GGUF files is the only one, or the one that is named', async () => {
    const server = await hub({ 'a-Q4_0.gguf': Buffer.from('GGUF a'), 'a-Q8_0.gguf': Buffer.from('GGUF b') });
    await expect(resolveModel('owner/name', options())).rejects.toThrow(
      /holds several GGUF files; name one, for example owner\/name\/a-Q4_0\.gguf; there are a-Q4_0\.gguf, a-Q8_0\.gguf/,
    );
    const { path, reference } = await locateModel('owner/name/a-Q8_0.gguf', options());
    expect(await readFile(path, 'utf8')).toBe('GGUF b');
    expect(reference).toBe(`owner/name/a-Q8_0.gguf@${server.commit}`);
    expect((await locateModel(reference, options({ offline: true }))).path).toBe(path);
  });

  it('is fetched once by two at the same time, and a dead process’s lock does not matter', async () => {
    const server = await hub(model);
    const both = await Promise.all([
      resolveModel('owner/name', options()),
      resolveModel('owner/name', options()),
    ]);
    expect(both[0]).toBe(both[1]);
    expect(server.requests.filter((request) => request.includes('/resolve/'))).toHaveLength(4);
    const blob = (await blobs()).find((name) => name.length === 64) ?? '';
    await rm(join(cache(), 'blobs', blob));
    await writeFile(join(cache(), 'blobs', `${blob}.lock`), '99999999');
    await resolveModel('owner/name', options());
    expect(await blobs()).toContain(blob);
  });

  it('stops when it is told to, and leaves nothing under a final name', async () => {
    const server = await hub(model);
    const controller = new AbortController();
    const onProgress = ({ file }: { file: string }): void => {
      if (file === 'model.safetensors') controller.abort(new Error('enough'));
    };
    await expect(
      resolveModel('owner/name', options({ signal: controller.signal, onProgress })),
    ).rejects.toThrow('enough');
    expect(await readdir(join(cache(), 'snapshots', server.commit))).not.toContain('model.safetensors');
  });
});
