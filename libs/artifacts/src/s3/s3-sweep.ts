// What a store in a bucket holds that nobody refers to.
import type { ArtifactRef } from '../artifact-store.ts';
import type { SharedSweep } from '../shared-sweep.ts';
import { hashesIn } from '../store-sweep.ts';
import { type ListedObject, options } from './s3-connection.ts';
import type { S3Store } from './s3-store.ts';
import { Turns } from './turns.ts';

const AT_ONCE = 16;
const HASH = /[0-9a-f]{64}/;
/** Objects that begin otherwise are numbers, which refer to nothing. */
const TEXT = new Set(['{', '[']);

/** An upload in parts that nobody has ended. */
interface Unfinished {
  readonly Key: string;
  readonly UploadId: string;
}

/** Finds what was written before a moment and no root leads to, and with `free` removes it. */
export async function sweepBucket(
  store: S3Store,
  roots: Iterable<Pick<ArtifactRef, 'sha256'>>,
  {
    before,
    free,
    signal,
  }: { readonly before: number; readonly free: boolean; readonly signal?: AbortSignal | undefined },
): Promise<SharedSweep> {
  const { connection } = store;
  const objects = new Map<string, ListedObject>();
  for await (const object of connection.list('objects/', signal)) objects.set(nameOf(object), object);
  const live = await reachable(store, objects, { roots, signal });
  const dead = [...objects].filter(([sha256]) => !live.has(sha256)).map(([, object]) => object);
  const keys: ListedObject[] = [];
  const turns = new Turns(AT_ONCE);
  const looking: Promise<void>[] = [];
  for await (const key of connection.list('keys/', signal))
    looking.push(
      turns.take(async () => {
        const found = await connection.range(key.name, { from: 0, length: 4096 }, signal);
        const [sha256 = ''] = HASH.exec(new TextDecoder().decode(found?.bytes)) ?? [];
        if (!live.has(sha256)) keys.push(key);
      }, signal),
    );
  await Promise.all(looking);
  const old = (object: ListedObject): boolean => object.modified.getTime() < before;
  const uploads = await unfinished(store, before, signal);
  const [deadKeys, deadObjects] = [keys.filter(old), dead.filter(old)];
  if (free) {
    const remove = ({ name }: ListedObject): Promise<void> =>
      turns.take(() => connection.remove(name, signal), signal);
    await Promise.all(deadKeys.map(remove));
    await Promise.all(deadObjects.map(remove));
    for (const upload of uploads) await giveUp(store, upload, signal);
  }
  return {
    objects: deadObjects.length,
    entries: deadKeys.length + deadObjects.length + uploads.length,
    bytes: [...deadKeys, ...deadObjects].reduce((sum, { size }) => sum + size, 0),
  };
}

/** The objects that roots lead to: by their hashes, which stand in the text of others. */
async function reachable(
  store: S3Store,
  objects: ReadonlyMap<string, ListedObject>,
  {
    roots,
    signal,
  }: { readonly roots: Iterable<Pick<ArtifactRef, 'sha256'>>; readonly signal: AbortSignal | undefined },
): Promise<Set<string>> {
  const live = new Set<string>();
  let waiting = [...roots].map(({ sha256 }) => sha256);
  const turns = new Turns(AT_ONCE);
  while (waiting.length > 0) {
    const found = new Set<string>();
    const fresh = [...new Set(waiting)].filter((sha256) => objects.has(sha256) && !live.has(sha256));
    for (const sha256 of fresh) live.add(sha256);
    const read = async (sha256: string): Promise<void> => {
      const name = objects.get(sha256)?.name ?? '';
      const first = await store.connection.range(name, { from: 0, length: 1 }, signal);
      if (first === undefined || !TEXT.has(new TextDecoder().decode(first.bytes.subarray(0, 1)))) return;
      const path = await store.openFile({ sha256, mediaType: 'application/octet-stream' }, { signal });
      for (const hash of await hashesIn(path)) found.add(hash);
    };
    await Promise.all(fresh.map((sha256) => turns.take(() => read(sha256), signal)));
    waiting = [...found];
  }
  return live;
}

async function unfinished(
  { connection }: S3Store,
  before: number,
  signal: AbortSignal | undefined,
): Promise<Unfinished[]> {
  const request = { Bucket: connection.address.bucket, Prefix: connection.key('objects/') };
  const found = await connection.call(
    'list unfinished uploads',
    ({ sdk, client }) => client.send(new sdk.ListMultipartUploadsCommand(request), options(signal)),
    signal,
  );
  // A thousand at a time: what is left is found the next time.
  return (found.Uploads ?? []).flatMap(({ Key, UploadId, Initiated }) =>
    Key === undefined || UploadId === undefined || (Initiated?.getTime() ?? 0) >= before
      ? []
      : [{ Key, UploadId }],
  );
}

async function giveUp(
  { connection }: S3Store,
  upload: Unfinished,
  signal: AbortSignal | undefined,
): Promise<void> {
  const request = { Bucket: connection.address.bucket, ...upload };
  await connection.call(
    'give up an unfinished upload',
    ({ sdk, client }) => client.send(new sdk.AbortMultipartUploadCommand(request), options(signal)),
    signal,
  );
}

const nameOf = ({ name }: ListedObject): string => name.slice(name.lastIndexOf('/') + 1);
