// Files of data sets on the Hugging Face hub, kept in the same cache folder as other programs keep them.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const SCHEME = 'hf://datasets/';
const COMMIT = /^[0-9a-f]{40}$/;

/** A place on the hub: "hf://datasets/owner/name[@revision][/path]". */
export interface HubLocation {
  /** "owner/name". */
  readonly repository: string;
  /** A branch, a tag or a commit. Default "main". */
  readonly revision: string;
  /** A file's path in the repository; "" for the repository itself. */
  readonly path: string;
}

/** Whether a path is meant to be on the hub. */
export function isHubLocation(path: string): boolean {
  return path.startsWith('hf://');
}

/**
 * Reads "hf://datasets/owner/name[@revision][/path]".
 *
 * @throws Error when it is not of that form.
 */
export function parseHubLocation(url: string): HubLocation {
  const parts = url.startsWith(SCHEME) ? url.slice(SCHEME.length).split('/') : [];
  const [owner = '', named = '', ...path] = parts;
  const [name = '', revision = 'main'] = named.split('@');
  const plain = [owner, name, revision, ...path].every((part) => /^[\w.-]+$/.test(part) && part !== '..');
  if (!plain || named.split('@').length > 2) {
    throw new Error(
      `${url}: expected ${SCHEME}owner/name/path/to/file, with @revision after the name where another than "main" is meant`,
    );
  }
  return { repository: `${owner}/${name}`, revision, path: path.join('/') };
}

/** Where the hub and its cache are; all from the environment by default. */
export interface HubOptions {
  /** Default HF_ENDPOINT, else the public hub. */
  readonly endpoint?: string;
  /** Default HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, or `hub` in HF_HOME; else ~/.cache/huggingface/hub. */
  readonly cache?: string;
  /** Default HF_TOKEN or HUGGING_FACE_HUB_TOKEN, else the file that signing in has left in HF_HOME. */
  readonly token?: string;
  /** Use what is in the cache only. Default: HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is 1, true, yes or on. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The local path of a file on the hub; downloads it unless the cache has it. What is downloaded is checked against the
 * SHA-256 or size that the hub tells, and gets its name in the cache only when it is whole.
 *
 * @throws Error that names the file and says what to do.
 */
export async function fetchFromHub(location: HubLocation, options: HubOptions = {}): Promise<string> {
  const url = `${SCHEME}${location.repository}@${location.revision}/${location.path}`;
  const home =
    process.env.HF_HOME || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  const cache =
    options.cache ?? (process.env.HF_HUB_CACHE || process.env.HUGGINGFACE_HUB_CACHE || join(home, 'hub'));
  const folder = join(cache, `datasets--${location.repository.replace('/', '--')}`);
  const offline =
    options.offline ?? (isOn(process.env.HF_HUB_OFFLINE) || isOn(process.env.HF_DATASETS_OFFLINE));
  const pinned = COMMIT.test(location.revision) ? location.revision : undefined;
  const known = offline || pinned !== undefined ? await findCached(folder, location) : undefined;
  if (known !== undefined) return known;
  if (offline) {
    throw new Error(
      `${url}: is not in the cache ${cache}, and HF_HUB_OFFLINE forbids to download it; unset that, or copy the file here and give its path`,
    );
  }
  try {
    const token = options.token ?? (await findToken(home));
    return await download(location, folder, token, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Error(`${url}: ${explain(error)}`, { cause: error });
  }
}

async function download(
  { repository, revision, path }: HubLocation,
  folder: string,
  token: string | undefined,
  { endpoint = process.env.HF_ENDPOINT || undefined, signal }: HubOptions,
): Promise<string> {
  const hub = await import('@huggingface/hub');
  const request = {
    repo: { type: 'dataset' as const, name: repository },
    revision,
    fetch: ((input, init) =>
      fetch(input, { ...init, ...(signal === undefined ? {} : { signal }) })) as typeof fetch,
    ...(endpoint === undefined ? {} : { hubUrl: endpoint.replace(/\/$/, '') }),
    ...(token === undefined ? {} : { accessToken: token }),
  };
  const [info] = await hub.pathsInfo({ ...request, paths: [path], expand: true });
  if (info?.type !== 'file') throw new Error('there is no such file in the repository');
  const tag = info.lfs?.oid ?? info.oid ?? info.xetHash;
  const commit = COMMIT.test(revision) ? revision : info.lastCommit.id;
  if (tag === undefined || !/^[\w-]+$/.test(tag) || !/^[\w-]+$/.test(commit)) {
    throw new Error('the hub tells no hash of the file');
  }
  const placed = join(folder, 'snapshots', commit, path);
  if (!existsSync(placed)) {
    const blob = join(folder, 'blobs', tag);
    if (!existsSync(blob)) {
      const content = await hub.downloadFile({ ...request, path });
      if (content === null) throw new Error('there is no such file in the repository');
      await writeWhole(blob, content, { size: info.size, sha256: info.lfs?.oid }, signal);
    }
    await mkdir(dirname(placed), { recursive: true });
    // Not everybody may make links on Windows.
    await symlink(relative(dirname(placed), blob), placed).catch(() => copyFile(blob, placed));
  }
  await mkdir(dirname(join(folder, 'refs', revision)), { recursive: true });
  if (commit !== revision) await writeFile(join(folder, 'refs', revision), commit);
  return placed;
}

async function writeWhole(
  path: string,
  content: Blob,
  expected: { size: number; sha256: string | undefined },
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const incomplete = `${path}.${randomUUID()}.incomplete`;
  try {
    await pipeline(Readable.from(content.stream()), createWriteStream(incomplete), { signal });
    const { size } = await stat(incomplete);
    if (size !== expected.size) {
      throw new Error(`got ${size} bytes of ${expected.size}; try again`);
    }
    if (expected.sha256 !== undefined) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(incomplete), hash, { signal });
      if (hash.digest('hex') !== expected.sha256) {
        throw new Error(
          `what was downloaded has not the SHA-256 ${expected.sha256} that the hub tells; try again`,
        );
      }
    }
    await rename(incomplete, path);
  } finally {
    await rm(incomplete, { force: true });
  }
}

/** The file in the cache: of the pinned commit, of the commit that the revision last meant, else of the latest one. */
async function findCached(folder: string, { revision, path }: HubLocation): Promise<string | undefined> {
  const snapshots = join(folder, 'snapshots');
  const meant = COMMIT.test(revision)
    ? revision
    : await readFile(join(folder, 'refs', revision), 'utf8').then(
        (text) => text.trim(),
        () => undefined,
      );
  if (meant !== undefined && existsSync(join(snapshots, meant, path))) return join(snapshots, meant, path);
  if (meant === revision) return undefined;
  const candidates = (await readdir(snapshots).catch(() => [])).map((commit) =>
    join(snapshots, commit, path),
  );
  const dated = await Promise.all(
    candidates
      .filter((file) => existsSync(file))
      .map(async (file) => ({ file, time: (await stat(file)).mtimeMs })),
  );
  return dated.sort((a, b) => b.time - a.time)[0]?.file;
}

async function findToken(home: string): Promise<string | undefined> {
  const token = process.env.HF_TOKEN || process.env.HUGGING_FACE_HUB_TOKEN;
  if (token) return token;
  const file = process.env.HF_TOKEN_PATH || join(home, 'token');
  return (await readFile(file, 'utf8').catch(() => '')).trim() || undefined;
}

function explain(error: unknown): string {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (status === 401 || status === 403) {
    return `the hub refuses access (${status}); set HF_TOKEN to a token that may read it, and accept its terms where it has any`;
  }
  if (status === 404) return 'there is no such data set, revision or file on the hub; check the spelling';
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TypeError && message === 'fetch failed') {
    return 'the hub cannot be reached; check the connection and HF_ENDPOINT, or copy the file here and give its path';
  }
  return message;
}

function isOn(value: string | undefined): boolean {
  return /^(?:1|true|yes|on)$/i.test(value ?? '');
}
