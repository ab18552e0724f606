// A hub for tests: a real HTTP server that speaks as much of the Hugging Face hub's API as fetching a model takes.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

/** A repository: files by name. */
export type Repository = Readonly<Record<string, Uint8Array>>;

/** How the server misbehaves. */
export interface Mischief {
  /** Closes the connection after this many bytes of a file's body. */
  breakAfter?: number;
  /** Changes a byte of every large file. */
  corrupt?: boolean;
  /** The only token that is let in. */
  token?: string;
}

const COMMIT = 'a'.repeat(40);
const isLarge = (name: string): boolean => /\.(safetensors|gguf|bin)$/.test(name);

/** A running server. */
export interface HubServer {
  readonly endpoint: string;
  readonly commit: string;
  /** Requests so far: method, path, range. */
  readonly requests: string[];
  readonly mischief: Mischief;
  close(): Promise<void>;
}

function treeEntry([name, bytes]: [string, Uint8Array]): object {
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    type: 'file',
    path: name,
    size: bytes.length,
    oid,
    ...(isLarge(name) ? { lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } } : {}),
  };
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  mischief: Mischief,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const body = bytes.subarray(start);
  response.setHeader('x-repo-commit', COMMIT);
  response.setHeader('content-length', body.length);
  if (start > 0) response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  response.writeHead(start > 0 ? 206 : 200);
  if (mischief.breakAfter !== undefined && mischief.breakAfter < body.length) {
    response.write(body.subarray(0, mischief.breakAfter), () => setTimeout(() => response.destroy(), 20));
    return;
  }
  response.end(body);
}

/** Starts a server with one repository, `owner/name`, whose branch main and tag v1 are its only commit. */
export async function startHub(repository: Repository): Promise<HubServer> {
  const requests: string[] = [];
  const mischief: Mischief = {};
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    requests.push(`${path} ${request.headers.range ?? ''}`.trim());
    const json = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (mischief.token !== undefined && request.headers.authorization !== `Bearer ${mischief.token}`) {
      json(401, { error: 'Invalid username or password.' });
      return;
    }
    const revision = /^\/api\/models\/owner\/name\/revision\/(.+)$/.exec(path)?.[1];
    if (revision !== undefined && ['main', 'v1', COMMIT].includes(revision)) {
      json(200, { _id: '1', id: 'owner/name', sha: COMMIT, lastModified: '2026-01-01T00:00:00.000Z' });
      return;
    }
    if (path === `/api/models/owner/name/tree/${COMMIT}`) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(Object.entries(repository).map(treeEntry)));
      return;
    }
    const name = decodeURIComponent(/^\/owner\/name\/resolve\/a{40}\/([^/]+)$/.exec(path)?.[1] ?? '');
    const bytes = repository[name];
    if (bytes === undefined) {
      json(404, { error: 'Repository not found' });
      return;
    }
    const corrupted = bytes.slice();
    if (mischief.corrupt && isLarge(name)) corrupted[7] = (corrupted[7] ?? 0) ^ 1;
    sendFile(request, response, corrupted, mischief);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    commit: COMMIT,
    requests,
    mischief,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
