// Writing the safetensors format, tensor by tensor, in one file or in shards with an index.
import { open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sizeOf } from '@overtone/tensor';
import { FLOAT_WIDTH, narrow, type FloatFormat } from './float-formats.ts';
import { ModelError } from './model-error.ts';
import { CHUNK_BYTES, reason, type NamedTensor } from './tensor-file.ts';

/** How tensors are written. */
export interface WriteOptions {
  /** The format on disk; default F32. */
  readonly dtype?: FloatFormat;
  readonly signal?: AbortSignal;
}

/** Tensors whose values are made when it is their turn, so that never more than one is in memory. */
export interface TensorSource {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  read(name: string): Promise<NamedTensor> | NamedTensor;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

function headerOf(names: readonly string[], source: TensorSource, dtype: FloatFormat): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const name of names) {
    const shape = source.shapes.get(name) ?? [];
    const end = offset + sizeOf(shape) * FLOAT_WIDTH[dtype];
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  // The format asks for tensors aligned to 8 bytes: pad the header with spaces.
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

async function writeTensor(
  file: FileHandle,
  name: string,
  source: TensorSource,
  { dtype = 'F32', signal }: WriteOptions,
): Promise<void> {
  const { data } = await source.read(name);
  const shape = source.shapes.get(name) ?? [];
  if (data.length !== sizeOf(shape))
    throw new ModelError(`tensor ${name} has ${data.length} values, its shape is [${shape.join()}]`);
  const step = CHUNK_BYTES / 4;
  for (let done = 0; done < data.length; done += step) {
    signal?.throwIfAborted();
    await writeAll(file, narrow(dtype, data.subarray(done, done + step)));
  }
}

async function writeFileOf(
  path: string,
  names: readonly string[],
  source: TensorSource,
  options: WriteOptions,
): Promise<void> {
  const temporary = `${path}.${process.pid}.partial`;
  try {
    const file = await open(temporary, 'w');
    try {
      await writeAll(file, headerOf(names, source, options.dtype ?? 'F32'));
      for (const name of names) await writeTensor(file, name, source, options);
      options.signal?.throwIfAborted();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    if (options.signal?.aborted || cause instanceof ModelError) throw cause;
    throw new ModelError(`${path}: cannot be written: ${reason(cause)}`, { cause });
  }
}

/** Makes a rename survive a power cut, where folders can be synchronised at all. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function asSource(tensors: ReadonlyMap<string, NamedTensor>): TensorSource {
  return {
    shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
    read: (name) => tensors.get(name) ?? { shape: [], data: new Float32Array() },
  };
}

/**
 * Writes tensors, under a temporary name until all is on disk. Equal tensors give equal bytes, in whichever order they come.
 *
 * @throws {ModelError} naming the file that cannot be written; nothing is left of it.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor> | TensorSource,
  options: WriteOptions = {},
): Promise<void> {
  const source = 'shapes' in tensors ? tensors : asSource(tensors);
  await writeFileOf(path, [...source.shapes.keys()].sort(), source, options);
}

/** Splits names, in their order, into shards of at most `limit` bytes; a larger tensor has a shard of its own. */
function shardNames(source: TensorSource, width: number, limit: number): string[][] {
  const shards: string[][] = [];
  let bytes = Infinity;
  for (const [name, shape] of source.shapes) {
    const size = sizeOf(shape) * width;
    if (bytes + size > limit) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push(name);
    bytes += size;
  }
  return shards;
}

/**
 * Writes a checkpoint's weights into a folder under the names of the hub: `model.safetensors`, or, where that would be larger than
 * `maxShardBytes`, `model-00001-of-0000N.safetensors` and `model.safetensors.index.json`. Returns the names of the files.
 */
export async function writeCheckpoint(
  folder: string,
  source: TensorSource,
  options: WriteOptions & { readonly maxShardBytes?: number } = {},
): Promise<string[]> {
  const width = FLOAT_WIDTH[options.dtype ?? 'F32'];
  const shards = shardNames(source, width, options.maxShardBytes ?? Infinity);
  if (shards.length < 2) {
    await writeSafetensors(join(folder, 'model.safetensors'), source, options);
    return ['model.safetensors'];
  }
  const digits = (value: number): string => String(value).padStart(5, '0');
  const files: string[] = [];
  const weightMap: Record<string, string> = {};
  for (const [index, names] of shards.entries()) {
    const file = `model-${digits(index + 1)}-of-${digits(shards.length)}.safetensors`;
    await writeFileOf(join(folder, file), names, source, options);
    for (const name of names) weightMap[name] = file;
    files.push(file);
  }
  const sizes = [...source.shapes.values()].map((shape) => sizeOf(shape) * width);
  const index = {
    metadata: { total_size: sizes.reduce((sum, size) => sum + size, 0) },
    weight_map: weightMap,
  };
  const path = join(folder, 'model.safetensors.index.json');
  try {
    await writeFile(`${path}.partial`, `${JSON.stringify(index, null, 2)}\n`);
    await rename(`${path}.partial`, path);
  } catch (cause) {
    await rm(`${path}.partial`, { force: true });
    throw new ModelError(`${path}: cannot be written: ${reason(cause)}`, { cause });
  }
  return [...files, 'model.safetensors.index.json'];
}
