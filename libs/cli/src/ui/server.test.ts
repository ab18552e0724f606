import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderLock } from '@overtone/artifacts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT, happen, measured, step, writeRun } from './run-folder.fixture.ts';
import { createUiServer } from './server.ts';

let folder = '';
let run = '';
let server: Server;
let port = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ui-'));
  run = join(folder, 'first');
  writeRun(run);
  await start(folder);
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function start(at: string): Promise<void> {
  server = createUiServer({ folder: at, host: '127.0.0.1', everyMs: 10 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  port = address.port;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Asks with the path as it is: `fetch` would tidy it up. */
function ask(path: string, { host = `localhost:${port}`, method = 'GET' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, method, headers: { host } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text: Buffer.concat(parts).toString(),
        }),
      );
    });
    asked.on('error', reject).end();
  });
}

/** Reads the parts that a page is sent until one of them is as wanted. */
async function live(path: string, wanted: (parts: ReadonlyMap<string, string>) => boolean, then = () => {}) {
  const leaving = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: leaving.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const parts = new Map<string, string>();
  let text = '';
  let first = true;
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^event: parts\ndata: (.*)$/.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      const sent: unknown = data === undefined ? {} : JSON.parse(data);
      for (const [name, html] of Object.entries(sent ?? {})) parts.set(name, String(html));
      if (first) then();
      first = false;
    }
    if (wanted(parts)) break;
  }
  leaving.abort();
  return parts;
}

describe('the pages', () => {
  it('list the runs of a folder, those below others too, and lead to each', async () => {
    writeRun(join(folder, 'deeper', 'second & last'), { name: '<second>', state: 'interrupted' });
    const { status, text } = await ask('/');
    expect(status).toBe(200);
    expect(text).toContain('&lt;second&gt;');
    const links = [...text.matchAll(/href="(\/run\/[^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.sort()).toEqual(['/run/deeper%2Fsecond%20%26%20last/', '/run/first/']);
    for (const link of links) expect((await ask(link)).status).toBe(200);
  });

  it('lead straight to the run where the folder is one', async () => {
    server.close();
    await start(run);
    expect((await ask('/')).headers.location).toBe('/run/first/');
    expect((await ask('/run/first/')).text).not.toContain('All runs');
  });

  it('show a run that was killed: how far it came, its curves, its arms, its alarms', async () => {
    happen(
      run,
      measured('base', 0.4),
      measured('sft/entropy', 0.525),
      step('sft/entropy seed 1', 1, 0.9),
      step('sft/entropy seed 1', 2, 0.7),
      { kind: 'message', at: AT, text: 'the policy <b>is far</b> away', alarm: true },
    );
    const { text } = await ask('/run/first/');
    expect(text).toContain('killed');
    expect(text).toContain('the same command continues it');
    expect(text).toMatch(/<progress max="20" value="5"/);
    expect(text).toMatch(
      /aria-label="loss of sft\/entropy seed 1: from 0.9 at step 1 to 0.7 at step 2 of 20/,
    );
    expect(text).toMatch(/sft\/entropy<\/th><td>\.525<\/td><td class="">\+\.125<\/td>.*1 of 2/);
    expect(text).toContain('dpo/entropy');
    expect(text).toContain('1 alarm');
    expect(text).not.toContain('<b>is far</b>');
    expect(text).not.toContain('left.');
  });

  it('hold no script and no style but the server’s own', async () => {
    const { headers, text } = await ask('/run/first/');
    expect(headers['content-security-policy']).toMatch(
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    expect(text).not.toMatch(/ style=|<style| on\w+=/);
    expect((await ask('/ui.js')).headers['content-type']).toContain('text/javascript');
    expect((await ask('/ui.css')).headers['content-type']).toContain('text/css');
  });

  it('serve a report in a sandbox, and say when there is none', async () => {
    expect((await ask('/run/first/report.html')).status).toBe(404);
    writeFileSync(join(run, 'report.html'), '<script>report</script>');
    const { status, headers, text } = await ask('/run/first/report.html');
    expect([status, text]).toEqual([200, '<script>report</script>']);
    expect(headers['content-security-policy']).toMatch(/^sandbox allow-scripts/);
    expect(headers['content-security-policy']).not.toContain('allow-same-origin');
  });
});

describe('a live page', () => {
  it('follows a run as its files grow, also by half a line', async () => {
    const line = JSON.stringify(measured('sft/entropy', 0.75));
    const events = join(run, 'events.jsonl');
    const parts = await live(
      '/run/first/live',
      (now) => now.get('arms')?.includes('.750') === true,
      () => {
        writeFileSync(events, line.slice(0, 20));
        setTimeout(() => writeFileSync(events, `${line.slice(20)}\n`, { flag: 'a' }), 60);
      },
    );
    expect(parts.get('title')).toBe('first – killed');
  });

  it('follows a run that another process begins anew in the same folder', async () => {
    happen(run, measured('sft/entropy', 0.75), measured('dpo/entropy', 0.25));
    await live(
      '/run/first/live',
      (now) => now.get('arms')?.includes('.125') === true && !now.get('arms')?.includes('.750'),
      () => {
        writeFileSync(join(run, 'events.jsonl'), '');
        happen(run, measured('sft/entropy', 0.125));
      },
    );
  });

  it('says when a run is at work', async () => {
    const lock = await FolderLock.take(join(run, 'run.lock'));
    try {
      writeFileSync(
        join(run, 'progress.json'),
        JSON.stringify({
          at: new Date().toISOString(),
          since: AT,
          stages: [
            {
              stage: 'train',
              unit: 'steps',
              done: 5,
              total: 20,
              reused: 0,
              active: true,
              seconds: 2,
              rate: 2.5,
              remaining: 6,
              detail: 'sft/entropy seed 1',
              note: '',
            },
          ],
        }),
      );
      const parts = await live('/run/first/live', (now) => now.has('head'));
      expect(parts.get('head')).toContain('at work');
      expect(parts.get('head')).toContain('train: sft/entropy seed 1. About 6 s left.');
    } finally {
      lock.release();
    }
  });

  it('shows new runs of the folder', async () => {
    await live(
      '/live',
      (now) => now.get('runs')?.includes('second') === true,
      () => writeRun(join(folder, 'second'), { name: 'second' }),
    );
  });
});

describe('the server', () => {
  it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost@evil.example', '[::2]'])(
    'refuses who asks for "%s"',
    async (host) => {
      const { status, text } = await ask('/run/first/', { host });
      expect(status).toBe(421);
      expect(text).not.toContain('first');
    },
  );

  it.each(['localhost', '127.0.0.1:1', '[::1]:7410', 'LOCALHOST:9'])(
    'answers who asks for "%s", the end of a tunnel perhaps',
    async (host) => {
      expect((await ask('/run/first/', { host })).status).toBe(200);
    },
  );

  it.each([
    '/../../../../etc/passwd',
    '/run/..%2f..%2fetc/report.json',
    '/run/%2e%2e/report.json',
    '/run/../first/manifest.json',
    '/run/first/..%2fconfig.yaml',
    '/run/first/config.yaml',
    '/run/first/%2e%2e/secret.json',
    '/run/%00/',
    '/run/%zz/',
    '/run/first/report.html/..',
    '//run/first/',
  ])('has no page at %s', async (path) => {
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other', 'report.json'), 'secret');
    const { status, text } = await ask(path);
    expect(status).toBe(404);
    expect(text).not.toMatch(/secret|root:|sft/);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('answers no %s', async (method) => {
    const { status, headers } = await ask('/run/first/', { method });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});
