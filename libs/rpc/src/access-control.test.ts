import { Client, credentials, status } from '@grpc/grpc-js';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CertificateFolder, canMakeCertificates } from './certificates.fixture.ts';
import { Scene } from './describing-judge.fixture.ts';
import { waitForHealthy } from './index.ts';

const scene = new Scene();
let folder: string;

beforeEach(() => {
  vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');
  vi.stubEnv('OVERTONE_RELOAD_MS', '20');
  folder = mkdtempSync(join(tmpdir(), 'overtone-tokens-'));
  mkdirSync(join(folder, 'callers'));
});
afterEach(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const token = (letter: string): string => letter.repeat(43);
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const noticed = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

describe('bearer tokens', () => {
  it('tell callers apart, whoever may call or not, and change while the server runs', async () => {
    // As Kubernetes mounts secrets.
    mkdirSync(join(folder, 'callers', '..data'));
    write('callers/..data/experiment', `${token('e')}\n${token('f')}\n`);
    symlinkSync(join('..data', 'experiment'), join(folder, 'callers', 'experiment'));
    write('callers/judge', token('j'));
    const server = await scene.judge(
      { access: { tokens: join(folder, 'callers'), allow: ['experiment'] } },
      ({ caller, metadata }) => `${caller ?? 'nobody'}, ${metadata.get('authorization').length} headers`,
    );
    const own = write('own', token('e'));
    const client = scene.connect(server.address, { tokenFile: own });
    const name = async (): Promise<string> => (await client.describe({})).name;
    const fails = (code: status) => ({
      code,
      message: expect.not.stringMatching(/experiment|eeee|jjjj|xxxx/),
    });

    expect(await name()).toBe('experiment, 0 headers');
    for (const [text, code] of [
      [token('x'), status.UNAUTHENTICATED],
      [token('j'), status.PERMISSION_DENIED],
    ] as const) {
      write('own', text);
      await noticed();
      await expect(name()).rejects.toMatchObject(fails(code));
    }
    write('own', token('f'));
    await noticed();
    expect(await name()).toBe('experiment, 0 headers');
    write('callers/experiment', token('n'));
    await noticed();
    await expect(name()).rejects.toMatchObject(fails(status.UNAUTHENTICATED));
    // Neither what is cut off nor an empty folder is the callers' new tokens.
    write('callers/experiment', token('n').slice(0, 9));
    write('own', token('n'));
    await noticed();
    expect(await name()).toBe('experiment, 0 headers');

    await expect(scene.connect(server.address).describe({})).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    await waitForHealthy(server.address);
    await expect(reflect(server.address)).resolves.toBe(status.UNAUTHENTICATED);
  });

  it('are refused at the start when they are weak, shared or missing', async () => {
    const start = (): Promise<unknown> => scene.judge({ access: { tokens: join(folder, 'callers') } });
    await expect(start()).rejects.toThrow('holds no token');
    write('callers/a', 'hunter2');
    await expect(start()).rejects.toThrow(/callers\/a: a token has at least 22 characters(?!.*hunter2)/);
    write('callers/a', token('a'));
    write('callers/b', token('a'));
    await expect(start()).rejects.toThrow('"a" and "b" have the same token');
    await expect(scene.judge({ access: { allow: ['experiment'] } })).rejects.toThrow(
      'no caller can prove who it is',
    );
  });

  it.runIf(canMakeCertificates)('stand in for a certificate where both are known', async () => {
    const made = new CertificateFolder();
    try {
      made.authority('ca');
      const tls = made.issue('ca', 'server', 'DNS:localhost');
      write('callers/experiment', token('e'));
      const server = await scene.judge(
        { address: 'localhost:0', tls, access: { tokens: join(folder, 'callers') } },
        ({ caller }) => caller ?? 'nobody',
      );
      const { ca } = tls;
      const name = async (options: object): Promise<string> =>
        (await scene.connect(server.address, options).describe({})).name;
      expect(await name({ tls: { ca }, tokenFile: write('own', token('e')) })).toBe('experiment');
      expect(await name({ tls: made.issue('ca', 'judge', 'DNS:judge') })).toBe('judge');
      made.authority('elsewhere');
      const strange = { ...made.issue('elsewhere', 'strange', 'DNS:judge'), ca };
      for (const options of [
        { tls: { ca } },
        { tls: strange },
        { tls: made.issue('ca', 'judge2', 'DNS:judge'), tokenFile: write('wrong', token('x')) },
      ])
        await expect(name(options)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    } finally {
      made.remove();
    }
  });
});

describe('the listener for health checks', () => {
  it('knows no other service, and says what the server says, to the end', async () => {
    const server = await scene.judge({ healthAddress: '127.0.0.1:0', lameDuckMs: 700 });
    const { healthAddress = '' } = server;
    await waitForHealthy(healthAddress, { service: 'overtone.v1.JudgeService' });
    await expect(scene.connect(healthAddress).describe({})).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
    const client = scene.connect(server.address);
    const closed = server.close();
    await expect(waitForHealthy(healthAddress, { timeoutMs: 250 })).rejects.toThrow('NOT_SERVING');
    await waitForHealthy(healthAddress, { service: 'liveness' });
    // A lame duck still answers.
    expect((await client.describe({})).name).toBe('judge');
    await closed;
    await expect(client.describe({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});

/** How a reflection call of somebody unknown ends. */
function reflect(address: string): Promise<status> {
  const client = new Client(address, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    () => Buffer.from([0x3a, 0x00]),
    (bytes) => bytes,
  );
  call.on('error', () => undefined).on('data', () => undefined);
  return new Promise((resolve) => {
    call.on('status', ({ code }) => {
      client.close();
      resolve(code);
    });
  });
}
