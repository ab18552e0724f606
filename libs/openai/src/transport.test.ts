import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { ServerError } from './server-error.ts';
import { Transport } from './transport.ts';

const KEY = 'sk-canary-0123456789';
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
// Other files' tests run in this process too.
afterAll(() => vi.unstubAllEnvs());

async function listen(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ close: () => server.closeAllConnections() }, server);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no address');
  return `http://127.0.0.1:${address.port}`;
}

async function transport(listener: RequestListener): Promise<Transport> {
  const made = new Transport({ baseUrl: `${await listen(listener)}/v1`, apiKey: KEY, retries: 0 });
  open.push(made);
  return made;
}

async function refusal(answer: Promise<unknown>): Promise<ServerError> {
  const error: unknown = await answer.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ServerError);
  if (!(error instanceof ServerError)) throw error;
  expect(error.message).not.toContain(KEY);
  return error;
}

describe('a server that is not to be trusted', () => {
  it.each([301, 302, 303, 307, 308])('sends nobody elsewhere with a %i', async (status) => {
    let visits = 0;
    const elsewhere = await listen((_, response) => {
      visits += 1;
      response.end('{}');
    });
    const server = await transport((_, response) => {
      response.writeHead(status, { location: `${elsewhere}/v1/chat?key=${KEY}` }).end(KEY);
    });
    const { kind, message } = await refusal(server.post('/chat', { prompt: 'secret' }));
    expect(kind).toBe('set-up');
    expect(message).toContain(`it redirects to ${elsewhere}/v1/chat,`);
    expect(visits).toBe(0);
  });

  it('repeats the key in vain: in an answer, in an error, in what is no JSON, in base64', async () => {
    const json = { 'content-type': 'application/json' };
    const said = JSON.stringify({ said: [KEY, { [KEY]: Buffer.from(KEY).toString('base64') }] });
    const server = await transport(({ url }, response) => {
      if (url === '/v1/answer') response.writeHead(200, json).end(said);
      else if (url === '/v1/broken') response.writeHead(200, json).end(`${KEY} ${said}`);
      else
        response.writeHead(400, { ...json, 'x-key': KEY }).end(JSON.stringify({ error: { message: KEY } }));
    });
    expect(await server.post('/answer', {})).toEqual({ said: ['(the key)', { '(the key)': '(the key)' }] });
    const broken = await refusal(server.post('/broken', {}));
    expect(broken.message).not.toContain(KEY.slice(0, 9));
    expect((await refusal(server.post('/refuse', {}))).message).toContain('(the key)');
  });

  it('is read up to 64 MiB', async () => {
    const piece = Buffer.alloc(2 ** 20, ' ');
    const server = await transport((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const write = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', write);
      write();
    });
    const { kind, message } = await refusal(server.get('/models'));
    expect(kind).toBe('malformed');
    expect(message).toContain('more than 67108864 bytes');
  });

  it('gets what is meant for it, and nothing that the environment holds for others', async () => {
    vi.stubEnv('OPENAI_ADMIN_KEY', 'sk-admin');
    vi.stubEnv('OPENAI_CUSTOM_HEADERS', 'x-secret: header');
    vi.stubEnv('OPENAI_ORG_ID', 'org');
    let headers: unknown;
    const server = await transport((request, response) => {
      ({ headers } = request);
      response.end('{}');
    });
    await server.get('/models');
    expect(headers).toMatchObject({ authorization: `Bearer ${KEY}` });
    expect(JSON.stringify(headers)).not.toMatch(/sk-admin|x-secret|org/);
  });

  it.each([
    'file:///etc/passwd',
    'ftp://host/v1',
    'ws://host',
    'localhost:8000',
    'http://user:secret@host/v1',
  ])('is not at %s', (baseUrl) => {
    expect(() => new Transport({ baseUrl })).toThrow(/is no address of a server|holds credentials/);
    expect(() => new Transport({ baseUrl })).not.toThrow(/secret/);
  });
});
