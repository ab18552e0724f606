import { status } from '@grpc/grpc-js';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CertificateFolder, canMakeCertificates } from './certificates.fixture.ts';
import { comparison, Scene } from './describing-judge.fixture.ts';
import { waitForHealthy } from './index.ts';

const scene = new Scene();
let folder: CertificateFolder;

beforeEach(() => {
  vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');
  vi.stubEnv('OVERTONE_RELOAD_MS', '20');
  folder = new CertificateFolder();
});
afterEach(async () => {
  await scene.close();
  folder.remove();
  vi.unstubAllEnvs();
});

/** Longer than it takes to notice that files have changed. */
const noticed = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));
const local = { 'grpc.use_local_subchannel_pool': 1 };

describe.runIf(canMakeCertificates)('mutual TLS', () => {
  it('knows callers by their certificates, and nobody without one', async () => {
    folder.authority('ca');
    folder.authority('elsewhere');
    const tls = folder.issue('ca', 'server', 'DNS:localhost');
    const server = await scene.judge(
      { address: 'localhost:0', tls, access: { allow: ['experiment', 'spiffe://overtone/team/audit'] } },
      ({ caller }) => caller ?? 'nobody',
    );
    const nameFor = async (files: object): Promise<string> =>
      (await scene.connect(`dns:///${server.address}`, { tls: files }).describe({})).name;
    const as = (name: string, names: string): object => folder.issue('ca', name, names);

    expect(await nameFor(as('one', 'URI:spiffe://overtone/ns/x/experiment,DNS:other'))).toBe('experiment');
    expect(await nameFor(as('two', 'DNS:experiment.overtone.svc,DNS:judge'))).toBe('experiment');
    expect(await nameFor(as('three', 'URI:spiffe://overtone/team/audit'))).toBe('audit');
    for (const names of [
      'URI:spiffe://overtone/judge,DNS:experiment',
      'DNS:judge,URI:https://x/experiment',
      'URI:spiffe://elsewhere/team/audit',
      'email:experiment@overtone',
    ]) {
      await expect(nameFor(as('refused', names)), names).rejects.toMatchObject({
        code: status.PERMISSION_DENIED,
        message: expect.stringMatching(/the caller may not call this service$/),
      });
    }
    // The transport does not even let them in.
    const stranger = { ...folder.issue('elsewhere', 'stranger', 'DNS:experiment'), ca: tls.ca };
    for (const files of [{ ca: tls.ca }, stranger])
      await expect(nameFor(files)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await waitForHealthy(server.address, { tls: folder.issue('ca', 'prober', 'DNS:prober') });
  });

  it('uses rotated certificates, of a new authority too, for new connections, and keeps the open ones', async () => {
    folder.authority('old');
    folder.authority('new');
    const tls = folder.issue('old', 'server', 'DNS:localhost');
    const own = folder.issue('old', 'client', 'DNS:experiment');
    // Copies: the authority's own file is to stay.
    for (const files of [tls, own]) {
      const ca = `${files.cert}.ca`;
      copyFileSync(files.ca, ca);
      files.ca = ca;
    }
    const server = await scene.judge({ address: 'localhost:0', tls });
    const before = scene.connect(server.address, { tls: own, channel: local });
    const after = scene.connect(server.address, { tls: own, channel: local });
    const stale = scene.connect(server.address, {
      tls: folder.issue('old', 'stale', 'DNS:experiment'),
      channel: local,
    });
    const stream = before.compare([comparison(400), comparison(0)]);
    const first = stream.next();
    await noticed();

    folder.replace(tls, folder.issue('new', 'renewed', 'DNS:localhost'));
    folder.replace(own, folder.issue('new', 'renewed-client', 'DNS:experiment'));
    await noticed();
    expect((await after.describe({})).name).toBe('judge');
    expect((await first).done).toBe(false);
    expect((await stream.next()).done).toBe(false);
    await expect(stale.describe({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('keeps what it has while a file is half written or a key does not fit, and says so', async () => {
    vi.stubEnv('OVERTONE_LOG_LEVEL', 'warn');
    const said: string[] = [];
    const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
    try {
      folder.authority('ca');
      const tls = folder.issue('ca', 'server', 'DNS:localhost');
      const server = await scene.judge({ address: 'localhost:0', tls: { cert: tls.cert, key: tls.key } });
      const next = folder.issue('ca', 'next', 'DNS:localhost');
      const works = async (): Promise<void> => {
        await noticed();
        const client = scene.connect(server.address, { tls: { ca: tls.ca }, channel: local });
        expect((await client.describe({})).name).toBe('judge');
      };
      copyFileSync(next.cert, tls.cert);
      await works();
      expect(said.join('')).toMatch(/server\.pem changed but cannot be used.*does not belong/);
      truncateSync(tls.key, 40);
      await works();
      expect(said.join('')).toMatch(/no whole private key/);
      expect(said.join('')).not.toContain(readFileSync(next.key, 'utf8').split('\n')[1]);
      // Whole again.
      copyFileSync(next.key, tls.key);
      await works();
    } finally {
      write.mockRestore();
    }
  });

  it('refuses at the start what it could not use later', async () => {
    folder.authority('ca');
    const { cert, key, ca } = folder.issue('ca', 'server', 'DNS:localhost');
    const other = folder.issue('ca', 'other', 'DNS:localhost');
    const bundle = folder.file('bundle.pem');
    writeFileSync(bundle, `${readFileSync(ca, 'utf8')}${readFileSync(other.cert, 'utf8').slice(0, 300)}`);
    const start = (tls: object): Promise<unknown> => scene.judge({ tls });
    await expect(start({ cert, key: other.key })).rejects.toThrow(`${other.key} does not belong to`);
    await expect(start({ cert, key, ca: bundle })).rejects.toThrow(`${bundle} is not made of whole`);
    await expect(start({ cert, key: folder.file('none') })).rejects.toThrow('cannot read');
    await expect(start({ cert })).rejects.toThrow('both a certificate and its key');
  });
});
