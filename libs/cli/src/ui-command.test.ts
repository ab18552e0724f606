import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeRun } from './ui/run-folder.fixture.ts';
import { serveUi, type UiCommandOptions } from './ui-command.ts';

/** Serves a folder with one run until `stop`. */
function serve(options: Partial<UiCommandOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ui-command-'));
  writeRun(join(folder, 'first'));
  const stop = new AbortController();
  const warnings: string[] = [];
  let said = (_: string): void => {};
  const out = new Promise<string>((resolve) => (said = resolve));
  const ended = serveUi({
    folder,
    host: '127.0.0.1',
    port: 0,
    json: false,
    signal: stop.signal,
    out: (text) => said(text),
    warn: (text) => warnings.push(text),
    ...options,
  });
  return { out, ended, stop, warnings };
}

describe('overtone ui', () => {
  it('prints where it is, and ends at an interrupt, whoever is still looking', async () => {
    const { out, ended, stop, warnings } = serve();
    const url = (await out).trim();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await (await fetch(url)).text()).toContain('first');
    const looking = await fetch(`${url}live`);
    const reading = looking.text().catch(() => 'cut');
    stop.abort();
    await ended;
    await reading;
    await expect(fetch(url)).rejects.toThrow();
    expect(warnings.join('')).not.toContain('warning');
  });

  it('warns when others can reach it', async () => {
    const { out, ended, stop, warnings } = serve({ host: '0.0.0.0', json: true });
    expect(JSON.parse(await out)).toMatchObject({ runs: 1, url: expect.stringContaining('localhost') });
    stop.abort();
    await ended;
    expect(warnings.join('')).toContain('there is no password');
  });

  it('says in one line that a port is taken, or a folder not there', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await expect(serve({ port }).ended).rejects.toThrow(/^cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    other.close();
    await expect(serve({ folder: '/not/there' }).ended).rejects.toThrow(/no such folder/);
  });
});
