// What the store makes of the answers of a service: a server that says what a test tells it to. A real one: test/store.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashKey } from '../index.ts';
import { readS3Address } from './s3-address.ts';
import { S3Store } from './s3-store.ts';

/** An answer: a status, and the code of the error. */
type Answer = [status: number, code?: string];

const SECRET = 'canarySecretThatMustNeverBeSeen0123456789';
const KEY = hashKey('x');

let server: Server;
let cache = '';
let asked: string[] = [];
let answer: (request: IncomingMessage) => Answer = () => [200];

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'overtone-cache-'));
  asked = [];
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      asked.push(`${request.method} ${request.headers['if-none-match'] ?? ''}`.trim());
      const [status, code] = answer(request);
      response.writeHead(status, { 'x-amz-request-id': '1', etag: '"1"' });
      // What services quote of a request does not belong into a message.
      const quoted = `<Message>${code} for ${SECRET}</Message><AWSAccessKeyId>canarykey</AWSAccessKeyId>`;
      const error = `<?xml version="1.0"?><Error><Code>${code}</Code>${quoted}</Error>`;
      response.end(code === undefined || request.method === 'HEAD' ? '' : error);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(cache, { recursive: true, force: true });
});

function open(patience = '0.2'): S3Store {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  // Credentials are the only thing that the SDK reads for itself.
  process.env['AWS_ACCESS_KEY_ID'] = 'canarykey';
  process.env['AWS_SECRET_ACCESS_KEY'] = SECRET;
  return new S3Store(readS3Address('s3://bucket/prefix'), {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${address.port}`,
    OVERTONE_CACHE: cache,
    OVERTONE_S3_PATIENCE_S: patience,
  });
}
afterEach(() => {
  delete process.env['AWS_ACCESS_KEY_ID'];
  delete process.env['AWS_SECRET_ACCESS_KEY'];
});

describe('an error names what to do, its kind, and no credential', () => {
  it.each<[number, string, string, RegExp]>([
    [400, 'ExpiredToken', 'denied', /credentials have expired: renew AWS_ACCESS_KEY_ID/],
    [
      403,
      'AccessDenied',
      'denied',
      /access to bucket "bucket" is denied: .* need s3:GetObject, s3:PutObject/,
    ],
    [403, 'InvalidAccessKeyId', 'denied', /does not know these credentials/],
    [403, 'SignatureDoesNotMatch', 'denied', /look at AWS_SECRET_ACCESS_KEY/],
    [403, 'RequestTimeTooSkewed', 'settings', /the clocks of this machine and of http:.* differ/],
    [301, 'PermanentRedirect', 'settings', /in another region: set AWS_REGION/],
    [404, 'NoSuchBucket', 'settings', /there is no bucket "bucket" at http/],
    [503, 'SlowDown', 'unreachable', /fails or is overloaded, also after several tries/],
    [507, 'QuotaExceeded', 'full', /takes no more: make room/],
    [400, 'Whatever', 'settings', /refuses the request with 400/],
  ])('%d %s', async (status, code, problem, message) => {
    answer = () => [status, code];
    const error: unknown = await open()
      .resolve(KEY)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StoreError', problem, message: expect.stringMatching(message) });
    expect(String(error)).toContain('s3://bucket/prefix');
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toMatch(/canary/i);
  });
});

it('asks again when the service is overloaded or fails', async () => {
  let left = 4;
  answer = () => (left-- > 0 ? [503, left % 2 === 0 ? 'SlowDown' : 'InternalError'] : [404, 'NoSuchKey']);
  expect(await open('5').resolve(KEY)).toBeUndefined();
  expect(asked).toHaveLength(5);
});

it('ends at once when it is told to, also while it waits to ask again', async () => {
  answer = () => [503, 'SlowDown'];
  const began = performance.now();
  const signal = AbortSignal.timeout(100);
  const ref = { sha256: KEY, mediaType: 'x/y' };
  await expect(open('30').get(ref, { signal })).rejects.toThrow(/timeout/);
  expect(performance.now() - began).toBeLessThan(2000);
});

it('stores without a condition where the service knows none', async () => {
  answer = ({ method, headers }) => {
    if (method !== 'PUT') return [404, 'NoSuchKey'];
    return headers['if-none-match'] === undefined ? [200] : [501, 'NotImplemented'];
  };
  const store = open();
  await store.put(new Uint8Array(1), 'x/y');
  await store.put(new Uint8Array(2), 'x/y');
  // The first answer to HEAD is no proof that the bucket was looked into.
  expect(asked).toEqual(['HEAD', 'GET', 'PUT *', 'PUT', 'HEAD', 'PUT']);
});

it('is content when somebody else has stored the same meanwhile', async () => {
  answer = ({ method }) => (method === 'PUT' ? [412, 'PreconditionFailed'] : [404, 'NoSuchKey']);
  await open().put(new Uint8Array(1), 'x/y');
  expect(asked).toEqual(['HEAD', 'GET', 'PUT *']);
});

it('loads nothing for a store in a folder, nor before a bucket is used', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve: (name, context, next) => { loaded.push(name); return next(name, context); } });
    const { openStore } = await import('${import.meta.resolve('../index.ts')}');
    openStore('s3://bucket/prefix');
    const store = openStore('file://' + process.argv[1]);
    await store.get(await store.put(new Uint8Array(3), 'x/y'));
    console.log(loaded.filter((name) => /aws|smithy/.test(name)).length, loaded.length > 10);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    program,
    cache,
  ]);
  expect(stdout.trim()).toBe('0 true');
});
