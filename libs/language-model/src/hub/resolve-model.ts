// A reference to a model, on disk or on the hub, to a path that can be opened.
import { mkdir, readFile, readlink, rename, rm, stat, symlink, writeFile, copyFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { COMPANIONS, filesIn, INDEX_FILE } from '../model-files.ts';
import { ModelError } from '../model-error.ts';
import { weightFiles } from '../weights.ts';
import { download, type DownloadOptions, type RemoteFile } from './download.ts';
import { networkError, statusError } from './hub-error.ts';
import { isCommit, parseHubReference, type HubReference } from './reference.ts';
import { hubSettings, type HubSettings } from './settings.ts';

/** How far a download is. */
export interface FetchProgress {
  /** The file that is being fetched. */
  readonly file: string;
  /** Bytes of all files that are there. */
  readonly bytes: number;
  /** Bytes of all files. */
  readonly total: number;
}

/** How to resolve a reference. */
export interface ResolveOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** Use the cache alone; default: whether HF_HUB_OFFLINE says so. */
  readonly offline?: boolean;
  /** Default: the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How often a connection that broke off is taken up again; default 4. */
  readonly retries?: number;
}

/** A file of a repository. */
interface HubFile {
  readonly name: string;
  readonly size: number;
  readonly checksum: RemoteFile['checksum'];
}

/** Whether a snapshot holds all that loading needs. */
async function isComplete(snapshot: string, reference: HubReference): Promise<boolean> {
  const there = async (file: string): Promise<boolean> =>
    (await stat(join(snapshot, file)).catch(() => undefined)) !== undefined;
  if (reference.file !== undefined) return there(reference.file);
  const files = await filesIn(snapshot);
  if (!files.some((file) => file.endsWith('.safetensors')))
    return (await Promise.all(files.filter((file) => file.endsWith('.gguf')).map(there))).includes(true);
  const weights = await weightFiles(snapshot).catch(() => []);
  const numbered = weights.map((file) => /-of-(\d{5})\.safetensors$/.exec(file)?.[1]);
  const expected = numbered[0] === undefined ? 1 : Number(numbered[0]);
  if (weights.length < expected) return false;
  const needed = ['config.json', 'tokenizer.json', 'tokenizer_config.json', ...weights];
  return (await Promise.all(needed.map(there))).every(Boolean);
}

/** The path to open in a snapshot. */
async function entryOf(snapshot: string, reference: HubReference): Promise<string> {
  if (reference.file !== undefined) return join(snapshot, reference.file);
  const files = await filesIn(snapshot);
  const [gguf, ...others] = files.filter((file) => file.endsWith('.gguf'));
  const alone =
    gguf !== undefined && others.length === 0 && !files.some((file) => file.endsWith('.safetensors'));
  return alone ? join(snapshot, gguf) : snapshot;
}

/** The files of a repository to fetch: configuration, tokenizer, weights; the large ones last. */
function chooseFiles(model: string, reference: HubReference, files: readonly HubFile[]): HubFile[] {
  const names = files.map(({ name }) => name);
  if (reference.file !== undefined) {
    const chosen = files.filter(({ name }) => name === reference.file);
    if (chosen.length === 0) throw new ModelError(`${model}: the repository has no file ${reference.file}`);
    return chosen;
  }
  const single = names.includes(INDEX_FILE) ? undefined : 'model.safetensors';
  const shards = files.filter(({ name }) =>
    single !== undefined && names.includes(single) ? name === single : /^model.*\.safetensors$/.test(name),
  );
  if (shards.length > 0) {
    const small = files.filter(({ name }) => COMPANIONS.includes(name) || name === INDEX_FILE);
    return [...small, ...shards];
  }
  const ggufs = files.filter(({ name }) => name.endsWith('.gguf'));
  if (ggufs.length === 1) return ggufs;
  if (ggufs.length > 1) {
    throw new ModelError(
      `${model}: holds several GGUF files; name one, for example ${reference.repository}/${ggufs[0]?.name ?? ''}; there are ${ggufs.map(({ name }) => name).join(', ')}`,
    );
  }
  const unsafe = names.filter((name) => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(name));
  throw new ModelError(
    `${model}: the repository has no model*.safetensors and no .gguf file` +
      (unsafe.length === 0
        ? ''
        : `, only ${unsafe.join(', ')}: formats that can execute code are not fetched; use a revision or a copy with safetensors`),
  );
}

/** Asks the hub which commit a revision is and which files it has. */
async function askHub(
  model: string,
  reference: HubReference,
  settings: HubSettings,
  signal: AbortSignal | undefined,
): Promise<{ commit: string; files: HubFile[] }> {
  const { HubApiError, listFiles, modelInfo } = await import('@huggingface/hub');
  // The token travels in a header of our own: the library takes only those that begin with hf_.
  const authorized: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    if (settings.token !== undefined) headers.set('authorization', `Bearer ${settings.token}`);
    return fetch(input, { ...init, headers, signal });
  };
  const common = { hubUrl: settings.endpoint, fetch: authorized };
  try {
    const { repository, revision } = reference;
    const info = await modelInfo({ ...common, name: repository, revision, additionalFields: ['sha'] });
    const commit = info.sha;
    if (!isCommit(commit)) throw new ModelError(`${model}: the hub names no commit for ${revision}`);
    const files: HubFile[] = [];
    for await (const entry of listFiles({ ...common, repo: repository, revision: commit })) {
      const { path: name, type, size, lfs, oid } = entry;
      if (type !== 'file' || name.includes('/') || name.includes('\\')) continue;
      const value = lfs?.oid ?? oid ?? '';
      if (!/^[0-9a-f]{40,64}$/.test(value))
        throw new ModelError(`${model}: the hub has no checksum of ${name}`);
      files.push({ name, size, checksum: { algorithm: lfs ? 'sha256' : 'git-sha1', value } });
    }
    return { commit, files };
  } catch (error) {
    if (signal?.aborted || error instanceof ModelError) throw error;
    if (error instanceof HubApiError) throw statusError(model, error.statusCode, settings);
    throw networkError(model, error, settings);
  }
}

/** Makes a file of a snapshot point to its content, in one step. */
async function link(blob: string, path: string): Promise<void> {
  const target = relative(dirname(path), blob);
  if ((await readlink(path).catch(() => undefined)) === target) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.partial`;
  await rm(temporary, { force: true });
  // Windows allows links to few.
  await symlink(target, temporary).catch(() => copyFile(blob, temporary));
  await rename(temporary, path);
}

async function fetchSnapshot(
  model: string,
  reference: HubReference,
  folder: string,
  settings: HubSettings,
  options: ResolveOptions,
  choose = chooseFiles,
): Promise<string> {
  const { commit, files } = await askHub(model, reference, settings, options.signal);
  const chosen = choose(model, reference, files);
  const total = chosen.reduce((sum, { size }) => sum + size, 0);
  const snapshot = join(folder, 'snapshots', commit);
  let bytes = 0;
  for (const { name, size, checksum } of chosen) {
    const blob = join(folder, 'blobs', checksum.value);
    const url = `${settings.endpoint}/${reference.repository}/resolve/${commit}/${encodeURIComponent(name)}`;
    const how: DownloadOptions = {
      settings,
      signal: options.signal,
      retries: options.retries,
      onBytes: (count) => {
        bytes += count;
        options.onProgress?.({ file: name, bytes, total });
      },
    };
    await download({ model, name, url, size, checksum }, blob, how);
    await link(blob, join(snapshot, name));
  }
  if (reference.revision !== commit) {
    const ref = join(folder, 'refs', reference.revision);
    await mkdir(dirname(ref), { recursive: true });
    await writeFile(`${ref}.${process.pid}.partial`, commit);
    await rename(`${ref}.${process.pid}.partial`, ref);
  }
  return snapshot;
}

/** The snapshot of a revision in the cache, if it holds all that loading needs. */
async function cachedSnapshot(
  folder: string,
  reference: HubReference,
  isWhole = isComplete,
): Promise<string | undefined> {
  const commit = isCommit(reference.revision)
    ? reference.revision
    : await readFile(join(folder, 'refs', reference.revision), 'utf8').catch(() => undefined);
  if (commit === undefined || !isCommit(commit.trim())) return undefined;
  const snapshot = join(folder, 'snapshots', commit.trim());
  return (await isWhole(snapshot, reference)) ? snapshot : undefined;
}

/** A model that has been found. */
export interface LocatedModel {
  /** The local path: a model folder, or a GGUF file. */
  readonly path: string;
  /** What names the same model for good: the path, or the reference with its commit. */
  readonly reference: string;
}

async function located(snapshot: string, parsed: HubReference): Promise<LocatedModel> {
  const { repository, file } = parsed;
  const name = file === undefined ? repository : `${repository}/${file}`;
  return { path: await entryOf(snapshot, parsed), reference: `${name}@${basename(snapshot)}` };
}

/**
 * Finds a model, and fetches it if need be.
 *
 * What exists on disk is itself. `owner/name`, `owner/name@revision` (a branch, a tag or a commit) and
 * `owner/name/file.gguf@revision` are on the hub: configuration, tokenizer and weights are fetched into the cache that Python's
 * huggingface_hub uses as well, continued where an earlier attempt broke off, and verified by checksum. Nothing that can execute
 * code is fetched. A commit in the cache is used without asking the hub.
 *
 * @throws {ModelError} one line: no such model, no access and what to do about it, network, checksum, full disk, not in the cache.
 */
export async function locateModel(reference: string, options: ResolveOptions = {}): Promise<LocatedModel> {
  options.signal?.throwIfAborted();
  if ((await stat(reference).catch(() => undefined)) !== undefined)
    return { path: resolve(reference), reference: resolve(reference) };
  const parsed = parseHubReference(reference);
  if (!parsed) {
    throw new ModelError(
      `${reference}: there is no such model folder or .gguf file; models on the hub are named owner/name or owner/name@revision`,
    );
  }
  return located(await snapshotOf(reference, parsed, options), parsed);
}

const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors'];

/**
 * Finds an adapter in PEFT's format, and fetches it if need be, as {@link locateModel} does a model.
 *
 * @returns the folder, whose files may be links.
 * @throws {ModelError} as `locateModel`.
 */
export async function locateAdapter(reference: string, options: ResolveOptions = {}): Promise<string> {
  if ((await stat(reference).catch(() => undefined)) !== undefined) return resolve(reference);
  const parsed = parseHubReference(reference);
  if (!parsed)
    throw new ModelError(
      `${reference}: there is no such adapter folder; adapters on the hub are named owner/name or owner/name@revision`,
    );
  return snapshotOf(reference, parsed, options, {
    isWhole: async (snapshot) => {
      const there = await filesIn(snapshot);
      return ADAPTER_FILES.every((file) => there.includes(file));
    },
    choose: (name, _, files) => {
      const chosen = files.filter((file) => ADAPTER_FILES.includes(file.name));
      if (chosen.length < ADAPTER_FILES.length)
        throw new ModelError(`${name}: the repository is no adapter; one has ${ADAPTER_FILES.join(' and ')}`);
      return chosen;
    },
  });
}

/** A revision's files in the cache, fetched if need be. */
async function snapshotOf(
  reference: string,
  parsed: HubReference,
  options: ResolveOptions,
  { isWhole, choose }: { isWhole?: typeof isComplete; choose?: typeof chooseFiles } = {},
): Promise<string> {
  const settings = hubSettings(options.environment ?? process.env);
  const folder = join(settings.cache, `models--${parsed.repository.replace('/', '--')}`);
  const offline = options.offline ?? settings.offline;
  const cached =
    offline || isCommit(parsed.revision) ? await cachedSnapshot(folder, parsed, isWhole) : undefined;
  if (cached !== undefined) return cached;
  if (offline) {
    throw new ModelError(
      `${reference}: there is no such folder here, and the cache ${settings.cache} does not hold it whole; without HF_HUB_OFFLINE, overtone model fetch ${reference} downloads it`,
    );
  }
  return fetchSnapshot(reference, parsed, folder, settings, options, choose);
}

/** The local path of a model; see {@link locateModel}. */
export async function resolveModel(reference: string, options: ResolveOptions = {}): Promise<string> {
  return (await locateModel(reference, options)).path;
}
