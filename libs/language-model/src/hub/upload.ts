// Files to a repository of the hub, in one commit: only those that are not there yet, and nothing where all are.
import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { ModelError } from '../model-error.ts';
import { reason } from '../tensor-file.ts';
import { type HubSettings, hubSettings } from './settings.ts';

/** A file to upload. */
export interface UploadFile {
  /** Its name in the repository. */
  readonly name: string;
  /** Where it is on disk. */
  readonly path: string;
  readonly size: number;
}

/** What to upload, and where to. */
export interface UploadOptions {
  /** owner/name */
  readonly repository: string;
  readonly type: 'model' | 'dataset' | 'space';
  readonly files: readonly UploadFile[];
  /** The line of the commit. */
  readonly title: string;
  /** Whether a repository that is created now is private; one that exists stays as it is. Default: what its owner has chosen as theirs. */
  readonly private?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A file that is being uploaded, and how much of it has been, in [0, 1]. */
  readonly onProgress?: (name: string, progress: number) => void;
  /** Default: the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** What was uploaded. */
export interface Uploaded {
  /** The repository's page. */
  readonly url: string;
  /** Whether it was created now. */
  readonly created: boolean;
  /** Names of the files that were not there; none, and there is no commit. */
  readonly uploaded: readonly string[];
  readonly commit: string | undefined;
}

/** What goes wrong with an upload, in one line, without the token. */
function uploadError(repository: string, error: unknown, { endpoint, token }: HubSettings): ModelError {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
  const said = (text: string): ModelError => {
    const clean = token === undefined ? text : text.replaceAll(token, '…');
    return new ModelError(`${repository}: ${clean.replaceAll(/\s+/g, ' ')}`);
  };
  if (status === 401 || status === 403)
    return said(
      `the hub refuses the upload (${status}): the token in HF_TOKEN must be allowed to write to ${repository.split('/')[0]}; see ${endpoint}/settings/tokens`,
    );
  if (status === 412)
    return said('somebody else has changed the repository meanwhile; run the same command again');
  const again = 'run the same command again, what was uploaded is not sent twice';
  if (status !== undefined)
    return said(`${endpoint} answers with status ${status} (${reason(error)}); ${again}`);
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : reason(inner);
  return said(`the connection to ${endpoint} failed (${code}); ${again}`);
}

/** The page of a repository. */
export function hubPage(
  { repository, type }: Pick<UploadOptions, 'repository' | 'type'>,
  endpoint: string,
): string {
  return `${endpoint}/${type === 'model' ? '' : `${type}s/`}${repository}`;
}

/**
 * Uploads files with the token in `HF_TOKEN` to the hub at `HF_ENDPOINT`. The repository is created where there is none. A file whose
 * bytes are there already is not sent again; one that is large goes to large file storage before the commit, and is found there by the
 * same call again.
 *
 * @throws {ModelError} one line: no token, no right to write, network. Never holds the token.
 */
export async function uploadToHub(options: UploadOptions): Promise<Uploaded> {
  const { repository, type, files, signal, onProgress } = options;
  const settings = hubSettings(options.environment ?? process.env);
  const { endpoint, token } = settings;
  if (token === undefined)
    throw new ModelError(
      `${repository}: an upload needs a token: set HF_TOKEN to one that may write, from ${endpoint}/settings/tokens`,
    );
  if (settings.offline) throw new ModelError(`${repository}: HF_HUB_OFFLINE forbids an upload; unset it`);
  // The token travels in a header of our own: the library takes only those that begin with hf_. It is for the hub alone: large files go to
  // storage elsewhere, under addresses that are signed.
  const authorized: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    const address = new URL(input instanceof Request ? input.url : input);
    if (address.origin === new URL(endpoint).origin) headers.set('authorization', `Bearer ${token}`);
    return fetch(input, { ...init, headers, signal: signal ?? null });
  };
  const { commitIter, createRepo, HubApiError, listFiles, repoExists } = await import('@huggingface/hub');
  const repo = { type, name: repository } as const;
  const common = { repo, hubUrl: endpoint, fetch: authorized };
  try {
    const created = !(await repoExists(common));
    if (created) {
      const visibility = options.private === true ? 'private' : undefined;
      await createRepo({ ...common, accessToken: 'hf_', ...(visibility && { visibility }) }).catch(
        (error: unknown) => {
          // Somebody else was faster.
          if (!(error instanceof HubApiError && error.statusCode === 409)) throw error;
        },
      );
    }
    const there = new Map<string, string>();
    if (!created)
      for await (const { path, oid, lfs } of listFiles({ ...common, recursive: true }))
        there.set(path, lfs?.oid ?? oid ?? '');
    const missing: UploadFile[] = [];
    for (const file of files) {
      const known = there.get(file.name);
      if (known === undefined || !(await hashes(file, signal)).includes(known)) missing.push(file);
    }
    const result = { url: hubPage(options, endpoint), created, uploaded: missing.map(({ name }) => name) };
    if (missing.length === 0) return { ...result, commit: undefined };
    const operations = await Promise.all(
      missing.map(async ({ name, path }) => ({
        operation: 'addOrUpdate' as const,
        path: name,
        content: await openAsBlob(path),
      })),
    );
    // Large file storage by plain requests: what is tested here.
    const events = commitIter({
      ...common,
      title: options.title,
      operations,
      useXet: false,
      ...(signal && { abortSignal: signal }),
    });
    for (;;) {
      const step = await events.next();
      if (step.done === true) return { ...result, commit: step.value?.commit.oid };
      if (step.value.event === 'fileProgress' && step.value.state === 'uploading')
        onProgress?.(step.value.path, step.value.progress);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw uploadError(repository, error, settings);
  }
}

/** What the hub may call a file: the SHA-1 of its git blob, and the SHA-256 of one in large file storage. */
async function hashes({ path, size }: UploadFile, signal?: AbortSignal): Promise<string[]> {
  const blob = createHash('sha1').update(`blob ${size}\0`);
  const large = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal })) {
    blob.update(chunk as Uint8Array);
    large.update(chunk as Uint8Array);
  }
  return [blob.digest('hex'), large.digest('hex')];
}
