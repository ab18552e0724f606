// Reading the safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
import { type FileHandle } from 'node:fs/promises';
import { sizeOf } from '@overtone/tensor';
import { isJsonObject } from './config-values.ts';
import { FLOAT_WIDTH, isFloatFormat, widen } from './float-formats.ts';
import { repeatedKey } from './json-keys.ts';
import { ModelError } from './model-error.ts';
import {
  CHUNK_BYTES,
  openForReading,
  readFully,
  sharedFloats,
  type NamedTensor,
  type TensorEntry,
  type TensorFile,
} from './tensor-file.ts';

export { writeSafetensors } from './safetensors-writer.ts';
export { type NamedTensor } from './tensor-file.ts';

/** A tensor's place among the bytes that follow the header. */
interface Entry extends TensorEntry {
  readonly begin: number;
  readonly end: number;
}

const HEADER_LIMIT = 100_000_000;

/** Bytes of a number in each format of safetensors; only F32, F16 and BF16 are read. */
const WIDTHS: Readonly<Record<string, number>> = {
  ...FLOAT_WIDTH,
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, F8_E8M0: 1 },
  ...{ I16: 2, U16: 2, I32: 4, U32: 4, I64: 8, U64: 8, F64: 8, C64: 8 },
};

function isSizes(list: unknown): list is number[] {
  return Array.isArray(list) && list.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function parseEntry(name: string, value: unknown, path: string): Entry {
  if (!isJsonObject(value)) throw new ModelError(`${path}: header entry of ${name} is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
    throw new ModelError(`${path}: header entry of ${name} has no valid shape or data_offsets`);
  if (typeof dtype !== 'string')
    throw new ModelError(`${path}: tensor ${name} has dtype ${JSON.stringify(dtype)}, which is no format`);
  const [begin = 0, end = 0] = offsets;
  const width = WIDTHS[dtype];
  if (width !== undefined && end - begin !== sizeOf(shape) * width) {
    throw new ModelError(
      `${path}: tensor ${name} of shape [${shape.join()}] needs ${sizeOf(shape) * width} bytes, the header gives it ${end - begin}: the file is corrupt`,
    );
  }
  return { dtype, shape, begin, end };
}

/** Every byte after the header belongs to exactly one tensor, as the reference implementation demands. */
function checkOffsets(entries: ReadonlyMap<string, Entry>, available: number, path: string): void {
  let expected = 0;
  for (const [name, { begin, end, shape }] of [...entries].sort(
    ([, a], [, b]) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin !== expected || end < begin) {
      throw new ModelError(
        `${path}: tensor ${name} lies at bytes ${begin} to ${end}, expected it to begin at ${expected}: its offsets leave a hole or overlap, the file is corrupt`,
      );
    }
    if (end > available) {
      throw new ModelError(
        `${path}: tensor ${name} of shape [${shape.join()}] needs ${end - begin} bytes, the file holds ${Math.max(0, available - begin)}: it is truncated; fetch it again`,
      );
    }
    expected = end;
  }
  if (expected !== available) {
    throw new ModelError(
      `${path}: ${available - expected} bytes follow the last tensor: the file is corrupt; fetch it again`,
    );
  }
}

function parseHeader(json: string, available: number, path: string): Map<string, Entry> {
  let header: unknown;
  try {
    header = JSON.parse(json);
  } catch (cause) {
    throw new ModelError(`${path}: its header is not JSON`, { cause });
  }
  if (!isJsonObject(header) || !json.startsWith('{'))
    throw new ModelError(`${path}: its header is not a JSON object`);
  const repeated = repeatedKey(json);
  if (repeated !== undefined) throw new ModelError(`${path}: its header names ${repeated} twice`);
  const { __metadata__: metadata, ...tensors } = header;
  if (
    metadata !== undefined &&
    metadata !== null &&
    !(isJsonObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string'))
  )
    throw new ModelError(`${path}: its __metadata__ is not an object of strings`);
  const entries = new Map(
    Object.entries(tensors).map(([name, value]) => [name, parseEntry(name, value, path)]),
  );
  checkOffsets(entries, available, path);
  return entries;
}

/** An open safetensors file; its header has been read and checked. */
class SafetensorsFile implements TensorFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly #file: FileHandle;
  readonly #body: number;

  constructor(path: string, file: FileHandle, entries: ReadonlyMap<string, Entry>, body: number) {
    this.path = path;
    this.entries = entries;
    this.#file = file;
    this.#body = body;
  }

  async read(name: string, signal?: AbortSignal, floats = sharedFloats): Promise<NamedTensor> {
    const entry = this.entries.get(name);
    if (!entry) throw new ModelError(`${this.path}: has no tensor ${name}`);
    const { shape, dtype, begin, end } = entry;
    if (!isFloatFormat(dtype)) {
      throw new ModelError(
        `${this.path}: tensor ${name} has dtype ${JSON.stringify(dtype)}; supported: F32, F16, BF16`,
      );
    }
    const data = floats(sizeOf(shape));
    const position = this.#body + begin;
    if (dtype === 'F32') {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      for (let done = 0; done < bytes.length; done += CHUNK_BYTES) {
        signal?.throwIfAborted();
        await readFully(
          this.#file,
          this.path,
          bytes.subarray(done, Math.min(done + CHUNK_BYTES, bytes.length)),
          position + done,
        );
      }
      return { shape, data };
    }
    const scratch = new Uint8Array(Math.min(CHUNK_BYTES, end - begin));
    for (let done = 0; done < end - begin; done += scratch.length) {
      signal?.throwIfAborted();
      const chunk = scratch.subarray(0, Math.min(scratch.length, end - begin - done));
      await readFully(this.#file, this.path, chunk, position + done);
      widen(dtype, chunk, data, done / FLOAT_WIDTH[dtype]);
    }
    return { shape, data };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Opens a safetensors file and checks its header, as strictly as the reference implementation: sizes, offsets without holes or
 * overlaps, no key twice, nothing after the last tensor.
 *
 * @throws {ModelError} naming the file, and the tensor where one is at fault.
 */
export async function openSafetensors(path: string): Promise<TensorFile> {
  const { file, size } = await openForReading(path);
  try {
    const prefix = Buffer.alloc(8);
    if (size >= 8) await readFully(file, path, prefix, 0);
    const length = size >= 8 ? prefix.readBigUInt64LE() : -1n;
    if (length < 2n || length > BigInt(Math.min(HEADER_LIMIT, size - 8)))
      throw new ModelError(`${path}: is not a safetensors file, or is truncated`);
    const header = Buffer.alloc(Number(length));
    await readFully(file, path, header, 8);
    const body = 8 + header.length;
    return new SafetensorsFile(path, file, parseHeader(header.toString('utf8'), size - body, path), body);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What to read of a file. */
export interface ReadOptions {
  /** The tensors to read; default: all. */
  readonly names?: Iterable<string>;
  readonly signal?: AbortSignal;
}

/**
 * Reads tensors of a file as float32.
 *
 * @throws {ModelError} naming the file, and the tensor where one is at fault.
 */
export async function readSafetensors(
  path: string,
  options: ReadOptions = {},
): Promise<Map<string, NamedTensor>> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, NamedTensor>();
    for (const name of options.names ?? file.entries.keys())
      tensors.set(name, await file.read(name, options.signal));
    return tensors;
  } finally {
    await file.close();
  }
}
