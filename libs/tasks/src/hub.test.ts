import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchFromHub, parseHubLocation } from './hub.ts';

const CONTENT = Buffer.from('{"question": "1 + 1", "answer": 2}\n');
const COMMIT = 'c'.repeat(40);
const TOKEN = 'hf_test';

// A hub on this machine: it knows one file, and asks for a token. Files in "bad" are not what their hash says.
describe('fetchFromHub', () => {
  let server: Server;
  let endpoint = '';
  let downloads = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      void answer(request).then(({ status, body, headers }) => response.writeHead(status, headers).end(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    endpoint = `http://127.0.0.1:${address.port}`;
  });
  afterAll(() => void server.close());

  async function answer(request: IncomingMessage) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const json = { 'content-type': 'application/json' };
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return { status: 401, body: '{"error": "Access denied"}', headers: json };
    const url = request.url ?? '';
    if (!url.includes('/some/data/')) return { status: 404, body: '{"error": "not found"}', headers: json };
    if (url.startsWith('/api/')) {
      const { paths } = JSON.parse(Buffer.concat(chunks).toString()) as { paths: string[] };
      const oid = createHash('sha256')
        .update(paths[0]?.startsWith('bad') ? 'other' : CONTENT)
        .digest('hex');
      const file = { type: 'file', path: paths[0], oid: 'a'.repeat(40), size: CONTENT.length };
      const lfs = { oid, size: CONTENT.length, pointerSize: 100 };
      const found = { ...file, lfs, lastCommit: { id: COMMIT, title: '', date: '2026-01-01T00:00:00Z' } };
      return { status: 200, body: JSON.stringify(paths[0]?.includes('none') ? [] : [found]), headers: json };
    }
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
    if (to !== '0') downloads++;
    const part =
      from === undefined ? CONTENT : CONTENT.subarray(Number(from), to ? Number(to) + 1 : undefined);
    return {
      status: from === undefined ? 200 : 206,
      body: part,
      headers: {
        etag: '"x"',
        'content-range': `bytes ${from ?? 0}-${to || CONTENT.length - 1}/${CONTENT.length}`,
      },
    };
  }

  const location = parseHubLocation('hf://datasets/some/data/folder/train.jsonl');
  const newCache = (): string => mkdtempSync(join(tmpdir(), 'overtone-hub-'));

  it('downloads a file once, and has it without the hub from then on', async () => {
    const cache = newCache();
    const path = await fetchFromHub(location, { endpoint, cache, token: TOKEN });
    expect(readFileSync(path)).toEqual(CONTENT);
    expect(path).toBe(join(cache, 'datasets--some--data', 'snapshots', COMMIT, 'folder', 'train.jsonl'));
    const before = downloads;
    expect(await fetchFromHub(location, { endpoint, cache, token: TOKEN })).toBe(path);
    expect(
      await fetchFromHub({ ...location, revision: COMMIT }, { endpoint: 'http://127.0.0.1:1', cache }),
    ).toBe(path);
    expect(await fetchFromHub(location, { cache, offline: true })).toBe(path);
    expect(downloads).toBe(before);
  });

  it('keeps nothing that is not what the hub says', async () => {
    const cache = newCache();
    const bad = { ...location, path: 'bad.jsonl' };
    await expect(fetchFromHub(bad, { endpoint, cache, token: TOKEN })).rejects.toThrow(
      /hf:\/\/datasets\/some\/data@main\/bad\.jsonl: .*SHA-256/,
    );
    expect(readdirSync(join(cache, 'datasets--some--data', 'blobs'))).toEqual([]);
  });

  it('says what to do', async () => {
    const cache = newCache();
    const options = { endpoint, cache, token: TOKEN };
    await expect(fetchFromHub(location, { cache, offline: true })).rejects.toThrow(/HF_HUB_OFFLINE forbids/);
    await expect(fetchFromHub(location, { ...options, token: 'hf_other' })).rejects.toThrow(
      /refuses access \(401\); set HF_TOKEN/,
    );
    await expect(fetchFromHub({ ...location, repository: 'some/thing' }, options)).rejects.toThrow(
      /check the spelling/,
    );
    await expect(fetchFromHub({ ...location, path: 'none' }, options)).rejects.toThrow(
      /no such file in the repository/,
    );
    await expect(fetchFromHub(location, { ...options, endpoint: 'http://127.0.0.1:1' })).rejects.toThrow(
      /cannot be reached/,
    );
    const signal = AbortSignal.abort(new Error('interrupted'));
    await expect(fetchFromHub(location, { ...options, signal })).rejects.toThrow('interrupted');
  });
});

describe('parseHubLocation', () => {
  it('reads a repository, a revision and a path', () => {
    expect(parseHubLocation('hf://datasets/openai/gsm8k')).toEqual({
      repository: 'openai/gsm8k',
      revision: 'main',
      path: '',
    });
    expect(parseHubLocation('hf://datasets/a/b@v1.0/c/d.jsonl.gz')).toEqual({
      repository: 'a/b',
      revision: 'v1.0',
      path: 'c/d.jsonl.gz',
    });
  });

  it.each([
    'hf://a/b/c',
    'hf://datasets/a',
    'hf://datasets/a/b/../c',
    'hf://datasets/a/b@c@d/e',
    'hf://datasets//b/c',
  ])('refuses %s', (url) => {
    expect(() => parseHubLocation(url)).toThrow(`${url}: expected hf://datasets/owner/name/path/to/file`);
  });
});
