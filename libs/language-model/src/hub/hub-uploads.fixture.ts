// A hub for tests that takes uploads: a real HTTP server that speaks as much of the Hugging Face hub's API as creating a repository,
// large file storage and a commit take. The storage is a server of its own, under another address, as the hub's is.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

/** A repository. */
export interface UploadedRepository {
  readonly visibility: string | undefined;
  readonly sdk: string | undefined;
  readonly files: Map<string, Buffer>;
  /** Titles of its commits. */
  readonly commits: string[];
}

/** A running hub. */
export interface UploadHub {
  readonly endpoint: string;
  /** By type and name: "models/owner/name". */
  readonly repositories: Map<string, UploadedRepository>;
  /** Method and path of every request; those to the storage begin with "storage". */
  readonly requests: string[];
  /** The authorization headers that the storage has seen. */
  readonly leaked: string[];
  /** What goes wrong: the number of commits that fail with status 500. */
  failingCommits: number;
  close(): Promise<void>;
}

const sha = (algorithm: string, ...parts: (string | Uint8Array)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const isLarge = (name: string): boolean => /\.(safetensors|parquet)$/.test(name);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a hub that lets in one token, which may write to `owner`. */
export async function startUploadHub(token: string): Promise<UploadHub> {
  const stored = new Map<string, Buffer>();
  const repositories = new Map<string, UploadedRepository>();
  const requests: string[] = [];
  const leaked: string[] = [];
  const storage = createServer((request, response) => {
    void bodyOf(request).then((bytes) => {
      requests.push(`storage ${request.method} ${request.url}`);
      if (request.headers.authorization !== undefined) leaked.push(request.headers.authorization);
      stored.set(sha('sha256', bytes), bytes);
      response.end();
    });
  });
  const storageUrl = await listen(storage);
  const hub = createServer((request, response) => {
    void bodyOf(request).then((bytes) => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      requests.push(`${request.method} ${path}`);
      const json = (status: number, value: object): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      // A server that repeats what it was sent.
      if (request.headers.authorization !== `Bearer ${token}`)
        return json(403, { error: `${request.headers.authorization} may not write` });
      if (path === '/api/repos/create') {
        const { type, organization, name, visibility, sdk } = JSON.parse(bytes.toString()) as Record<
          string,
          string
        >;
        repositories.set(`${type}s/${organization}/${name}`, {
          visibility,
          sdk,
          files: new Map(),
          commits: [],
        });
        return json(200, { url: `${type}s/${organization}/${name}`, id: '1' });
      }
      const lfs = /^\/((?:datasets\/|spaces\/)?)([\w-]+\/[\w.-]+)\.git\/info\/lfs\/objects\/batch$/.exec(
        path,
      );
      if (lfs !== null) {
        const { objects } = JSON.parse(bytes.toString()) as { objects: { oid: string; size: number }[] };
        const answers = objects.map(({ oid, size }) => ({
          oid,
          size,
          ...(!stored.has(oid) && { actions: { upload: { href: `${storageUrl}/${oid}?signature=x` } } }),
        }));
        return json(200, { transfer: 'basic', objects: answers });
      }
      const [, key = '', action = ''] = /^\/api\/(\w+\/[\w-]+\/[\w.-]+)(?:\/(\w+))?/.exec(path) ?? [];
      const repository = repositories.get(key);
      if (repository === undefined) return json(404, { error: 'Repository not found' });
      switch (action) {
        case 'tree':
          return json(
            200,
            [...repository.files].map(([name, content]) => entry(name, content)),
          );
        case 'preupload': {
          const { files } = JSON.parse(bytes.toString()) as { files: { path: string }[] };
          const modes = files.map((file) => ({
            ...file,
            uploadMode: isLarge(file.path) ? 'lfs' : 'regular',
          }));
          return json(200, { files: modes });
        }
        case 'commit':
          if (api.failingCommits-- > 0) return json(500, { error: 'told to fail' });
          take(repository, bytes.toString(), stored);
          return json(200, { commitOid: String(repository.commits.length).repeat(40), commitUrl: 'url' });
        default:
          return json(200, { id: key });
      }
    });
  });
  const api: UploadHub = {
    endpoint: await listen(hub),
    repositories,
    requests,
    leaked,
    failingCommits: 0,
    close: async () => {
      for (const server of [hub, storage]) {
        server.closeAllConnections();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
    },
  };
  return api;
}

function entry(path: string, content: Buffer): object {
  const oid = sha('sha1', `blob ${content.length}\0`, content);
  const lfs = { oid: sha('sha256', content), size: content.length, pointerSize: 130 };
  // A file in large storage is, to git, a pointer.
  return isLarge(path)
    ? { type: 'file', path, size: content.length, oid: sha('sha1', path), lfs }
    : { type: 'file', path, size: content.length, oid };
}

/** Puts a commit's files into a repository. */
function take(
  { files, commits }: UploadedRepository,
  lines: string,
  stored: ReadonlyMap<string, Buffer>,
): void {
  for (const line of lines.split('\n')) {
    const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
    const { path = '', content = '', oid = '', summary = '' } = value;
    if (key === 'header') commits.push(summary);
    if (key === 'file') files.set(path, Buffer.from(content, 'base64'));
    if (key === 'lfsFile') files.set(path, stored.get(oid) ?? Buffer.from('not in the storage'));
  }
}
