// Secrets stay where they are needed: after runs in which everything that is asked repeats the key that it was sent, none of the
// secrets stands in a file of the run, in what a process said, or in what was sent to a collector.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JudgeApi, type JudgeFault } from '../../libs/judging/src/openai/judge-api.fixture.ts';

const cli = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));

/** One of each kind; all of them easy to find. */
const SECRETS = {
  judgeKey: 'sk-canary-judge-4b7d1f0a9c',
  otherKey: 'sk-canary-other-5c8e2a1bad',
  accessKey: 'AKIACANARY4B7D1F0A9C',
  storeSecret: 'canary-store-secret-6d9f3b2c',
  sessionToken: 'canary-session-token-7eaf4c3d',
  bearer: 'canary-bearer-token-8fb05d4e-0123',
  collector: 'canary-collector-9ac16e5f',
} as const;

/** What may also give a secret away: its form in a URL, in base64, and its first half. */
const forms = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  encodeURIComponent(secret),
  secret.slice(0, Math.ceil(secret.length * 0.7)),
];

const experiment = (baseUrl: string, keyFile: string): string => `
name: secrets
model: ${model}
engine: { threads: 1 }
task:
  kind: chain-sum
  train: { seed: 1, count: 6, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: 2, count: 2, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: 3, count: 2, terms: [6, 7], max: 20, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 96, seed: 1 }
judges:
  strong: { backend: openai, baseUrl: ${baseUrl}, apiKeyFile: ${keyFile}, retries: 1 }
audit: { judge: strong }
signals:
  strong: { method: bradley-terry, judge: strong }
objectives:
  sft: { type: sft, steps: 2, groupsPerStep: 2, optimizer: { learningRate: 5.0e-4 } }
arms:
  - { signal: strong, objective: sft }
evaluation: { samples: 2, maxNewTokens: 96, seed: 2 }
`;

const key = SECRETS.judgeKey;
/** Every way to repeat the key that an API has. */
const FAULTS: readonly (JudgeFault | undefined)[] = [
  { status: 500, message: `cannot forward Bearer ${key}`, headers: { 'x-request-key': key } },
  { content: `The key is ${key}, I think.\nJudgment: 0` },
  { content: 'no', refusal: `I will not judge for ${key}` },
  { status: 400, message: `maximum context length exceeded for ${Buffer.from(key).toString('base64')}` },
  { status: 429, message: `slow down, ${key}`, headers: { 'retry-after': '0', 'www-authenticate': key } },
  'truncate',
  'cut',
  { content: JSON.stringify({ better: '0', analysis: key }) },
  undefined,
];

let folder = '';
let collector: Server;
const open: { close(): unknown }[] = [];
/** Everything that could have been read by somebody: by where it was. */
const seen = new Map<string, string>();
let exported = 0;

async function run(out: string, environment: Record<string, string>): Promise<number | null> {
  const child = spawn(
    process.execPath,
    [cli, 'run', join(folder, `${out}.yaml`), '--out', join(folder, 'runs', out)],
    {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        OVERTONE_WORKERS: '1',
        OVERTONE_LOG_LEVEL: 'debug',
        OVERTONE_DEBUG: '1',
        AWS_ACCESS_KEY_ID: SECRETS.accessKey,
        AWS_SECRET_ACCESS_KEY: SECRETS.storeSecret,
        AWS_SESSION_TOKEN: SECRETS.sessionToken,
        OVERTONE_TOKEN_FILE: join(folder, 'token'),
        OVERTONE_TOKENS: join(folder, 'tokens'),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  seen.set(`${out}: what was said`, said);
  return code;
}

async function readAll(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // As bytes: weights are no text.
    seen.set(path.slice(folder.length), (await readFile(path)).toString('latin1'));
  }
}

async function collect(): Promise<string> {
  collector = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      exported += 1;
      seen.set(`collector ${exported} ${request.url}`, Buffer.concat(pieces).toString('latin1'));
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  open.push({ close: () => collector.closeAllConnections() }, collector);
  const address = collector.address();
  if (address === null || typeof address === 'string') throw new Error('the collector has no address');
  return `http://127.0.0.1:${address.port}`;
}

describe('secrets', () => {
  const codes: Record<string, number | null> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'overtone-secrets-'));
    await mkdir(join(folder, 'tokens'));
    await writeFile(join(folder, 'key'), `${key}\n`);
    await writeFile(join(folder, 'wrong-key'), `${SECRETS.otherKey}\n`);
    await writeFile(join(folder, 'token'), SECRETS.bearer);
    await writeFile(join(folder, 'tokens', 'experiment'), SECRETS.bearer);
    const api = new JudgeApi({
      apiKey: key,
      accepts: { schema: true, logprobs: false },
      fault: (n) => FAULTS[n % FAULTS.length],
    });
    const baseUrl = await api.start();
    open.push(api);
    // A store's service that repeats what it was sent: names and tokens stand in the headers of every request.
    const store = createServer((request, response) => {
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end(
        `<Error><Code>AccessDenied</Code><Message>${JSON.stringify(request.headers)}</Message></Error>`,
      );
    }).listen(0, '127.0.0.1');
    await once(store, 'listening');
    open.push({ close: () => store.closeAllConnections() }, store);
    const place = store.address();
    if (place === null || typeof place === 'string') throw new Error('the store has no address');
    for (const [name, file] of [
      ['echo', 'key'],
      ['refused', 'wrong-key'],
      ['store', 'key'],
    ] as const)
      await writeFile(join(folder, `${name}.yaml`), experiment(baseUrl, join(folder, file)));
    // With a collector, and with the traces in the run folder.
    const endpoint = await collect();
    codes.echo = await run('echo', {});
    codes.refused = await run('refused', {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: `x-collector=${SECRETS.collector}`,
    });
    codes.store = await run('store', {
      OVERTONE_ARTIFACTS: 's3://canary/runs',
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${place.port}`,
      OVERTONE_S3_PATIENCE_S: '1',
    });
    await readAll(join(folder, 'runs'));
  }, 120_000);
  afterAll(async () => {
    for (const each of open) await each.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('were in use: a run was judged, one was refused its key, one its store', () => {
    expect(codes.echo).toBe(0);
    expect(codes.refused).not.toBe(0);
    expect(codes.store).not.toBe(0);
    expect(seen.get('refused: what was said')).toMatch(/refuses the credentials/);
    expect(exported).toBeGreaterThan(0);
    expect([...seen.keys()].filter((name) => /report\.(json|html)$/.test(name)).length).toBeGreaterThan(1);
    // What was said of the key is there, but for the key.
    expect(seen.get('refused: what was said')).toMatch(
      /Incorrect API key provided: Bearer \((the key|redacted)\)/,
    );
  });

  it.each(Object.entries(SECRETS))('hold back the %s', (_, secret) => {
    const found = [...seen].flatMap(([where, text]) =>
      forms(secret)
        .filter((form) => text.includes(form))
        .map(
          (form) => `${where}: …${text.slice(Math.max(0, text.indexOf(form) - 80), text.indexOf(form) + 40)}`,
        ),
    );
    expect(found).toEqual([]);
  });
});
