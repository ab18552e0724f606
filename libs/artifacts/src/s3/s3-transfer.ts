// Objects from the local disk to the bucket and back: large ones in parts, a few at a time, so that memory does not grow with them.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { BuildHandler } from '@smithy/types';
import type { StoredObject } from '../object-folder.ts';
import { missingArtifact } from '../reference.ts';
import { StoreError } from '../store-error.ts';
import { options, type S3Connection } from './s3-connection.ts';
import { saysPrecondition, saysUnsupported } from './s3-errors.ts';

/** Up to this size, an object goes in one request. */
export const PART_BYTES = 8 * 2 ** 20;
const PARTS_IN_FLIGHT = 4;
/** S3 takes no more. */
const MOST_PARTS = 10_000;
/** A service that was restarted may have forgotten an upload in parts. */
const UPLOADS = 3;

/** What is to be sent. */
export interface Outgoing extends StoredObject {
  /** The name in the store. */
  readonly name: string;
  /** The local file. */
  readonly path: string;
  /** Whether an object of this name may be replaced; otherwise one that is there stays. */
  readonly replace: boolean;
}

/**
 * Sends a file. The object is visible when all of its bytes have arrived and are those of its hash, or not at all.
 *
 * @throws StoreError, also when the file's bytes are not those of the hash.
 */
export async function upload(
  connection: S3Connection,
  outgoing: Outgoing,
  signal?: AbortSignal,
): Promise<void> {
  const file = await open(outgoing.path);
  try {
    if (outgoing.size <= PART_BYTES) {
      const bytes = await read(file, 0, outgoing.size);
      checkHash(outgoing, createHash('sha256').update(bytes).digest('hex'));
      await put(connection, { ...outgoing, bytes }, signal);
      return;
    }
    for (let tries = 1; ; tries += 1) {
      try {
        return await uploadParts(connection, { ...outgoing, file }, signal);
      } catch (error) {
        const forgotten = error instanceof StoreError && error.code === 'NoSuchUpload';
        if (!forgotten || tries === UPLOADS) throw error;
        // An answer may have been lost: then it is there.
        if ((await connection.head(outgoing.name, signal))?.size === outgoing.size) return;
      }
    }
  } finally {
    await file.close();
  }
}

/** Sends bytes in one request. */
export async function put(
  connection: S3Connection,
  {
    name,
    bytes,
    sha256,
    replace,
  }: Pick<Outgoing, 'name' | 'sha256' | 'replace'> & { readonly bytes: Uint8Array },
  signal?: AbortSignal,
): Promise<void> {
  const request = {
    Bucket: connection.address.bucket,
    Key: connection.key(name),
    Body: bytes,
    ContentLength: bytes.byteLength,
    ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
  };
  await conditionally(connection, { name, replace }, signal, async ({ sdk, client }, condition) => {
    const command = new sdk.PutObjectCommand({ ...request, ...condition });
    command.middlewareStack.add(bodyHash(sha256), { step: 'build' });
    await client.send(command, options(signal));
  });
}

async function uploadParts(
  connection: S3Connection,
  outgoing: Outgoing & { readonly file: FileHandle },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { name, file, size, replace } = outgoing;
  const target = { Bucket: connection.address.bucket, Key: connection.key(name) };
  const started = await connection.call(
    `put ${name}`,
    ({ sdk, client }) => client.send(new sdk.CreateMultipartUploadCommand(target), options(signal)),
    signal,
  );
  const { UploadId } = started;
  if (UploadId === undefined)
    throw new StoreError('unreachable', `${connection.place(name)}: the service gives no id for an upload`);
  const failing = new AbortController();
  const either = signal === undefined ? failing.signal : AbortSignal.any([signal, failing.signal]);
  const sending = new Set<Promise<void>>();
  try {
    const parts: { PartNumber: number; ETag: string | undefined }[] = [];
    const hash = createHash('sha256');
    const length = partBytes(size);
    for (let from = 0; from < size; from += length) {
      if (sending.size >= PARTS_IN_FLIGHT) await Promise.race(sending);
      const Body = await read(file, from, Math.min(length, size - from));
      hash.update(Body);
      const PartNumber = parts.length + 1;
      const partHash = createHash('sha256').update(Body).digest('hex');
      const part: (typeof parts)[number] = { PartNumber, ETag: undefined };
      parts.push(part);
      const request = { ...target, UploadId, PartNumber, Body, ContentLength: Body.byteLength };
      const sent = connection
        .call(
          `put part ${PartNumber} of ${name}`,
          ({ sdk, client }) => {
            const command = new sdk.UploadPartCommand(request);
            command.middlewareStack.add(bodyHash(partHash), { step: 'build' });
            return client.send(command, options(either));
          },
          either,
        )
        .then(({ ETag }) => {
          part.ETag = ETag;
          sending.delete(sent);
        });
      sent.catch(() => {});
      sending.add(sent);
    }
    await Promise.all(sending);
    checkHash(outgoing, hash.digest('hex'));
    await conditionally(connection, { name, replace }, signal, async ({ sdk, client }, condition) => {
      const request = { ...target, ...condition, UploadId, MultipartUpload: { Parts: parts } };
      await client.send(new sdk.CompleteMultipartUploadCommand(request), options(signal));
    });
  } catch (error) {
    failing.abort(error);
    await Promise.allSettled(sending);
    await connection
      .call(`give up ${name}`, ({ sdk, client }) =>
        client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })),
      )
      // What is left is removed by the bucket's rule for incomplete uploads, or by `overtone gc`.
      .catch(() => {});
    throw error;
  }
}

/** Signs a request with the hash of its body, which the service compares with what has arrived; the SDK would compute it once more. */
function bodyHash<Input extends object, Output extends object>(
  sha256: string,
): (next: BuildHandler<Input, Output>) => BuildHandler<Input, Output> {
  return (next) => (args) => {
    const { request } = args;
    if (typeof request === 'object' && request !== null && 'headers' in request)
      Object.assign(request.headers ?? {}, { 'x-amz-content-sha256': sha256 });
    return next(args);
  };
}

/** Makes a request that is to change nothing when the object is there; where the service does not know conditions, without one. */
async function conditionally(
  connection: S3Connection,
  { name, replace }: Pick<Outgoing, 'name' | 'replace'>,
  signal: AbortSignal | undefined,
  work: (
    loaded: Parameters<Parameters<S3Connection['call']>[1]>[0],
    condition: { readonly IfNoneMatch?: string },
  ) => Promise<void>,
): Promise<void> {
  await connection.call(
    `put ${name}`,
    async (loaded) => {
      if (replace || !connection.conditional) return work(loaded, {});
      try {
        await work(loaded, { IfNoneMatch: '*' });
      } catch (error) {
        // Somebody else has stored the same bytes meanwhile.
        if (saysPrecondition(error)) return;
        if (!saysUnsupported(error)) throw error;
        connection.conditional = false;
        await work(loaded, {});
      }
    },
    signal,
  );
}

/** An object's bytes in their order; parts are fetched ahead. @throws StoreError when there is no such object */
export async function* download(
  connection: S3Connection,
  name: string,
  { sha256, mediaType, signal }: { sha256: string; mediaType: string; signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const missing = (): StoreError => missingArtifact({ sha256, mediaType }, connection.address.uri);
  const first = await connection.range(name, { from: 0, length: PART_BYTES }, signal);
  if (first === undefined) throw missing();
  const { size } = first;
  const ending = new AbortController();
  const either = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const coming: Promise<Uint8Array>[] = [];
  let next = first.bytes.byteLength;
  const ask = (): void => {
    if (next >= size) return;
    const from = next;
    next += PART_BYTES;
    const part = connection.range(name, { from, length: PART_BYTES }, either).then((range) => {
      if (range === undefined) throw missing();
      return range.bytes;
    });
    part.catch(() => {});
    coming.push(part);
  };
  try {
    for (let count = 0; count < PARTS_IN_FLIGHT; count += 1) ask();
    yield first.bytes;
    for (let part = coming.shift(); part !== undefined; part = coming.shift()) {
      const bytes = await part;
      ask();
      yield bytes;
    }
  } finally {
    ending.abort();
  }
}

/** Whole mebibytes, as few parts as memory allows. */
function partBytes(size: number): number {
  const least = Math.ceil(size / MOST_PARTS);
  return Math.max(PART_BYTES, Math.ceil(least / 2 ** 20) * 2 ** 20);
}

async function read(file: FileHandle, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, from + filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

function checkHash({ sha256, path }: Outgoing, actual: string): void {
  if (actual === sha256) return;
  throw new StoreError(
    'corrupt',
    `${path} changed while it was sent: its bytes hash to ${actual}. Nothing was stored; run again, and check the disk`,
  );
}
