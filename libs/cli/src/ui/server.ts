// The server behind `overtone ui`: pages of the runs in a folder, kept live by server-sent events. It only reads, answers GET and HEAD
// alone, and nobody who asks for it by a name that is not its own. Of a run's files it serves the report; a path in an address is never
// one on the disk, but the name of a run that was found.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { basename, join, relative, resolve } from 'node:path';
import { findRuns } from '@overtone/experiment/history';
import { LiveParts } from './live-parts.ts';
import { isOwnHost, ownHosts } from './own-hosts.ts';
import { errorPage, runPage, runsPage, SCRIPT } from './page.ts';
import { RunFollower } from './run-follower.ts';
import { RunRecords } from './run-records.ts';
import { runSections, type Sections } from './run-sections.ts';
import { runsSections } from './runs-sections.ts';
import { STYLE } from './style.ts';

/** What to serve, and how. */
export interface UiOptions {
  /** A run folder, or one with runs below it. */
  readonly folder: string;
  /** Address that is listened on; decides which names are the server's own. */
  readonly host: string;
  /** How often a page is looked at anew, milliseconds. Default 1000. */
  readonly everyMs?: number;
}

/** Event streams at a time: each browser tab that is looked at has one. */
const MOST_STREAMS = 64;
/** A connection that says nothing is cut by what lies between. */
const HEARTBEAT_MS = 15_000;

const SECURITY = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** A report holds what models wrote: whatever it were to do, it does in a place of its own, without this server. */
const REPORT_POLICY =
  "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'";

/** A server that does not listen yet. */
export function createUiServer(options: UiOptions): Server {
  const ui = new Ui(options);
  return createServer((request, response) => {
    ui.answer(request, response).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else send(request, response, 500, errorPage(text));
    });
  });
}

class Ui {
  readonly #folder: string;
  readonly #everyMs: number;
  readonly #own: ReadonlySet<string>;
  readonly #records = new RunRecords();
  readonly #pages = new Map<string, LiveParts>();
  /** Folders of runs by their names in addresses. */
  #runs: ReadonlyMap<string, string> = new Map();
  #streams = 0;

  constructor({ folder, host, everyMs = 1000 }: UiOptions) {
    this.#folder = resolve(folder);
    this.#everyMs = everyMs;
    this.#own = ownHosts(host);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isOwnHost(request.headers.host, this.#own)) {
      send(
        request,
        response,
        421,
        errorPage('Ask for this server by its own name, or start it with --host.'),
      );
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      send(request, response, 405, errorPage('Only GET is answered here.'));
      return;
    }
    const [path = '/'] = (request.url ?? '/').split('?');
    if (path === '/ui.css') send(request, response, 200, STYLE, 'text/css');
    else if (path === '/ui.js') send(request, response, 200, SCRIPT, 'text/javascript');
    else if (path === '/' || path === '/live') await this.#answerAll(request, response, path === '/live');
    else await this.#answerRun(request, response, path);
  }

  async #answerAll(request: IncomingMessage, response: ServerResponse, live: boolean): Promise<void> {
    await this.#findRuns();
    const [only] = this.#runs;
    if (only !== undefined && only[1] === this.#folder) {
      response.setHeader('Location', `/run/${encodeURIComponent(only[0])}/`);
      send(request, response, 302, '');
      return;
    }
    const page = this.#page('', async () => {
      await this.#findRuns();
      return runsSections(this.#runs, this.#records);
    });
    if (live) await this.#stream(request, response, page);
    else send(request, response, 200, runsPage({ sections: await page.get(), live: '/live' }, this.#folder));
  }

  async #answerRun(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const [, name, what] = /^\/run\/([^/]+)\/(|live|report\.html|report\.json)$/.exec(path) ?? [];
    const id = name === undefined ? undefined : decoded(name);
    if (id !== undefined && !this.#runs.has(id)) await this.#findRuns();
    const folder = id === undefined ? undefined : this.#runs.get(id);
    if (id === undefined || folder === undefined) {
      send(request, response, 404, errorPage('There is no such page.'));
      return;
    }
    if (what === 'report.html' || what === 'report.json') {
      await sendReport(request, response, join(folder, what));
      return;
    }
    const page = this.#page(id, this.#readerOf(folder));
    if (what === 'live') await this.#stream(request, response, page);
    else {
      const live = `/run/${encodeURIComponent(id)}/live`;
      const overview = folder !== this.#folder;
      send(request, response, 200, runPage({ sections: await page.get(), live }, overview));
    }
  }

  #readerOf(folder: string): () => Promise<Sections> {
    const follower = new RunFollower(folder, this.#records);
    return async () => runSections(await follower.read(), Date.now());
  }

  #page(id: string, read: () => Promise<Sections>): LiveParts {
    const page = this.#pages.get(id) ?? new LiveParts(read, this.#everyMs / 2);
    this.#pages.set(id, page);
    return page;
  }

  async #findRuns(): Promise<void> {
    const paths = await findRuns(this.#folder);
    this.#runs = new Map(
      paths.map((path) => [
        path === this.#folder ? basename(path) : relative(this.#folder, path).replaceAll('\\', '/'),
        path,
      ]),
    );
  }

  /** Sends the parts of a page that have changed, until the browser leaves. */
  async #stream(request: IncomingMessage, response: ServerResponse, page: LiveParts): Promise<void> {
    if (request.method === 'HEAD' || this.#streams >= MOST_STREAMS) {
      send(request, response, request.method === 'HEAD' ? 200 : 503, '', 'text/event-stream');
      return;
    }
    this.#streams++;
    response.writeHead(200, { ...SECURITY, 'Content-Type': 'text/event-stream; charset=utf-8' });
    const sent = new Map<string, string>();
    let spoke = performance.now();
    let left = false;
    const gone = new Promise<void>((leave) =>
      response.once('close', () => {
        left = true;
        leave();
      }),
    );
    try {
      while (!left) {
        // A folder that cannot be read for a moment is one that is being written.
        const parts = await page.get().catch(() => undefined);
        const changed = [...(parts ?? [])].filter(([name, html]) => sent.get(name) !== html);
        for (const [name, html] of changed) sent.set(name, html);
        if (changed.length > 0)
          response.write(`event: parts\ndata: ${JSON.stringify(Object.fromEntries(changed))}\n\n`);
        else if (performance.now() - spoke >= HEARTBEAT_MS) response.write(': alive\n\n');
        else {
          await pause(this.#everyMs, gone);
          continue;
        }
        spoke = performance.now();
        // A browser that reads slowly gets the latest state, and not all of them.
        if (response.writableNeedDrain)
          await Promise.race([gone, new Promise<void>((drained) => response.once('drain', drained))]);
        await pause(this.#everyMs, gone);
      }
    } finally {
      this.#streams--;
    }
  }
}

async function pause(milliseconds: number, gone: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([gone, new Promise<void>((done) => (timer = setTimeout(done, milliseconds)))]);
  clearTimeout(timer);
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

async function sendReport(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile()) {
    send(request, response, 404, errorPage('This run has no report yet.'));
    return;
  }
  response.writeHead(200, {
    ...SECURITY,
    'Content-Type': path.endsWith('.html') ? 'text/html; charset=utf-8' : 'application/json',
    'Content-Security-Policy': REPORT_POLICY,
  });
  if (request.method === 'HEAD') response.end();
  else
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/html',
): void {
  response.writeHead(status, {
    ...SECURITY,
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Security-Policy': PAGE_POLICY,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
