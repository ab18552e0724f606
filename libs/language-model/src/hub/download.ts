// One file from the hub into the cache: continued where it broke off, and verified before it gets its name.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ModelError } from '../model-error.ts';
import { reason } from '../tensor-file.ts';
import { networkError, statusError } from './hub-error.ts';
import { withLock } from './lock.ts';
import { type HubSettings } from './settings.ts';

/** A file to fetch. */
export interface RemoteFile {
  /** The model, for errors. */
  readonly model: string;
  readonly name: string;
  readonly url: string;
  readonly size: number;
  /** SHA-256 of a file in large file storage, else the SHA-1 of the git blob. */
  readonly checksum: { readonly algorithm: 'sha256' | 'git-sha1'; readonly value: string };
}

/** How to fetch. */
export interface DownloadOptions {
  readonly settings: HubSettings;
  readonly signal?: AbortSignal;
  /** How often a connection that broke off is taken up again; default 4. */
  readonly retries?: number;
  /** Bytes that arrived since the last call; those of an earlier attempt come first. */
  readonly onBytes?: (bytes: number) => void;
}

/** Failures that another attempt may mend. */
class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

function hashFor({ checksum, size }: RemoteFile): Hash {
  if (checksum.algorithm === 'sha256') return createHash('sha256');
  return createHash('sha1').update(`blob ${size}\0`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** The answer to a request for the bytes from `start` on. */
async function request(file: RemoteFile, start: number, options: DownloadOptions): Promise<Response> {
  const { settings, signal } = options;
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (start > 0) headers['range'] = `bytes=${start}-`;
  if (settings.token !== undefined) headers['authorization'] = `Bearer ${settings.token}`;
  const response = await fetch(file.url, { headers, signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new BrokenOff('no answer', { cause });
  });
  if (response.ok) return response;
  await response.body?.cancel();
  if (response.status >= 500) {
    throw new BrokenOff('no answer', { cause: new Error(`status ${response.status}`) });
  }
  throw statusError(file.model, response.status, settings);
}

/** Appends what is missing to the file at `partial`. */
async function fetchRest(file: RemoteFile, partial: string, options: DownloadOptions): Promise<void> {
  const start = await sizeOf(partial);
  if (start === file.size && (start > 0 || file.size === 0)) return;
  const response = await request(file, start > file.size ? 0 : start, options);
  // Servers that know no ranges send everything again.
  const position = response.status === 206 ? start : 0;
  if (start > 0 && position === 0) options.onBytes?.(-start);
  const output = await open(partial, position > 0 ? 'r+' : 'w');
  try {
    let at = position;
    const body: AsyncIterable<Uint8Array> = response.body ?? (async function* () {})();
    const iterator = body[Symbol.asyncIterator]();
    for (;;) {
      const step = await iterator.next().catch((cause: unknown) => {
        options.signal?.throwIfAborted();
        throw new BrokenOff('broke off', { cause });
      });
      if (step.done === true) break;
      for (let done = 0; done < step.value.length;) {
        const { bytesWritten } = await output.write(step.value, done, step.value.length - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
      options.onBytes?.(step.value.length);
      if (at > file.size) break;
    }
    if (at < file.size) throw new BrokenOff('broke off', { cause: new Error('the answer is too short') });
    await output.sync();
  } finally {
    await output.close();
  }
}

/** Checks what was fetched; a file that is not what the hub announced is removed. */
async function verify(file: RemoteFile, partial: string, signal?: AbortSignal): Promise<void> {
  const hash = hashFor(file);
  for await (const chunk of createReadStream(partial, { highWaterMark: 1024 * 1024, signal }))
    hash.update(chunk as Uint8Array);
  const found = hash.digest('hex');
  if (found === file.checksum.value && (await sizeOf(partial)) === file.size) return;
  await rm(partial, { force: true });
  throw new ModelError(
    `${file.model}: ${file.name} arrived corrupt: its ${file.checksum.algorithm} is ${found}, the hub says ${file.checksum.value}; it was discarded, fetch it again`,
  );
}

async function fetchAll(file: RemoteFile, partial: string, options: DownloadOptions): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await fetchRest(file, partial, options);
      return;
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
      if (attempt >= (options.retries ?? 4)) throw networkError(file.model, error.cause, options.settings);
      await delay(500 * 2 ** attempt, undefined, { signal: options.signal });
    }
  }
}

/**
 * Fetches a file to `path`, under the name `path`.incomplete until it is verified; what is there of an earlier attempt is
 * continued. Does nothing if `path` exists.
 *
 * @throws {ModelError} one line: no access, network, checksum, full disk.
 */
export async function download(file: RemoteFile, path: string, options: DownloadOptions): Promise<void> {
  const partial = `${path}.incomplete`;
  const { signal, onBytes } = options;
  const isThere = async (): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    if (await isThere()) {
      onBytes?.(file.size);
      return;
    }
    await withLock(`${path}.lock`, signal, async () => {
      // Another process may have been faster.
      if (await isThere()) {
        onBytes?.(file.size);
        return;
      }
      onBytes?.(await sizeOf(partial));
      await fetchAll(file, partial, options);
      await verify(file, partial, signal);
      await rename(partial, path);
    });
  } catch (cause) {
    if (signal?.aborted || cause instanceof ModelError) throw cause;
    throw new ModelError(`${file.model}: ${path} cannot be written: ${reason(cause)}`, { cause });
  }
}
