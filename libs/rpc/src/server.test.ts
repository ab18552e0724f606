import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { comparison, Scene } from './describing-judge.fixture.ts';
import { sleep, waitForHealthy } from './index.ts';

vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');

const scene = new Scene();
afterEach(() => scene.close());

describe('health', () => {
  it('serves once it listens, as a whole and by service', async () => {
    const { address } = await scene.judge();
    await waitForHealthy(address);
    await waitForHealthy(address, { service: 'overtone.v1.JudgeService' });
    await expect(waitForHealthy(address, { service: 'overtone.v1.Nobody' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  it('waits for a server that starts later', async () => {
    const first = await scene.judge();
    await first.close();
    const waiting = waitForHealthy(first.address, { timeoutMs: 5000 });
    await sleep(150);
    await scene.judge({ address: first.address });
    await waiting;
  });

  it('gives up in time and says what it saw, or when it is told to', async () => {
    await expect(waitForHealthy('127.0.0.1:1', { timeoutMs: 200 })).rejects.toThrow(
      /127\.0\.0\.1:1 was not healthy within 200 ms: .*ECONNREFUSED/,
    );
    const signal = AbortSignal.timeout(50);
    await expect(waitForHealthy('127.0.0.1:1', { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('drain', () => {
  it('lets open calls finish and refuses new ones', async () => {
    const server = await scene.judge();
    const client = scene.connect(server.address);
    const verdict = client.compare([comparison(300)]).next();
    await sleep(100);
    const closed = server.close();
    await sleep(20);
    const newcomer = scene.connect(server.address, { timeoutMs: 2000 });
    await expect(newcomer.describe({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect((await verdict).value).toMatchObject({ id: '1' });
    await closed;
  });

  it('ends calls that outlast the limit with UNAVAILABLE', async () => {
    const server = await scene.judge({ drainMs: 100 });
    const client = scene.connect(server.address);
    const verdict = client.compare([comparison(3000)]).next();
    verdict.catch(() => undefined);
    await sleep(50);
    const started = performance.now();
    await server.close();
    expect(performance.now() - started).toBeLessThan(1000);
    await expect(verdict).rejects.toThrow('shutting down');
  });
});

describe('transport', () => {
  it('refuses plain text beyond this machine', async () => {
    await expect(scene.judge({ address: '0.0.0.0:0' })).rejects.toThrow(/OVERTONE_INSECURE=1/);
  });

  it('says which address is taken', async () => {
    const { address } = await scene.judge();
    await expect(scene.judge({ address })).rejects.toThrow(`judge: cannot listen on ${address}`);
  });

  // The one certificate of these tests is made by openssl, which Node has no equal of.
  const openssl = spawnSync('openssl', ['version']).status === 0;
  it.runIf(openssl)('speaks TLS with a given authority, and to nobody else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'overtone-tls-'));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const made = ['req', '-x509', '-nodes', '-days', '1', ...curve, ...subject, '-out', cert, '-keyout', key];
    execFileSync('openssl', made, { stdio: 'ignore' });
    const server = await scene.judge({ address: 'localhost:0', tls: { cert, key } });
    const trusting = scene.connect(server.address, { tls: { ca: cert } });
    const strange = scene.connect(server.address, { tls: {} });
    expect((await trusting.describe({})).name).toBe('judge');
    await expect(strange.describe({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});

it('describes its services to reflection clients', async () => {
  const { address } = await scene.judge();
  const client = new Client(address, credentials.createInsecure());
  scene.add(client);
  const call = client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    // ServerReflectionRequest { list_services: "" } is field 7, of length 0.
    () => Buffer.from([0x3a, 0x00]),
    (bytes) => bytes.toString('latin1'),
    new Metadata(),
  );
  call.on('error', () => undefined);
  call.write('list');
  const [listed] = await new Promise<string[]>((resolve) =>
    call.once('data', (text: string) => resolve([text])),
  );
  call.cancel();
  expect(listed).toContain('overtone.v1.JudgeService');
});

describe('a service process', () => {
  const program = `
    import { JudgeServiceService } from '@overtone/contracts';
    import { runService, unaryHandler } from '${import.meta.resolve('./index.ts')}';
    await runService({
      name: 'judge',
      services: [{
        definition: JudgeServiceService,
        implementation: {
          describe: unaryHandler(async () => {
            await new Promise((resolve) => setTimeout(resolve, 300));
            return { name: 'slow', backend: '', fingerprint: '' };
          }),
        },
      }],
      onClose: () => console.log('closed'),
    });`;

  async function start(env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      cwd: import.meta.dirname,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    scene.add({ close: () => child.kill('SIGKILL') });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await expect.poll(() => output, { timeout: 15_000 }).toContain('\n');
    return { child, exit, output: () => output, line: JSON.parse(output) as { address: string } };
  }

  it('announces itself, finishes its calls on SIGTERM, cleans up and exits', async () => {
    const { child, exit, output, line } = await start();
    expect(line).toEqual({
      event: 'listening',
      service: 'judge',
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    await waitForHealthy(line.address);
    const client = scene.connect(line.address);
    const described = client.describe({});
    await sleep(100);
    child.kill('SIGTERM');
    expect((await described).name).toBe('slow');
    expect(await exit).toBe(0);
    expect(output()).toContain('closed');
  });

  it('exits when its parent is gone', async () => {
    const { child, exit } = await start({ OVERTONE_EXIT_WITH_PARENT: '1' });
    child.stdin.end();
    expect(await exit).toBe(0);
  });
});
