// The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
import { open, readFile, rename, rm } from 'node:fs/promises';
import { sizeOf } from '@overtone/tensor';
import { isJsonObject } from './config.ts';
import { ModelError } from './model-error.ts';

/** A float32 tensor with its shape. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const HEADER_LIMIT = 100 * 1024 * 1024;

function widenBfloat16(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  const bits = new Uint32Array(halves.length);
  halves.forEach((half, index) => (bits[index] = half << 16));
  return new Float32Array(bits.buffer);
}

function decodeTensor(name: string, entry: unknown, body: Uint8Array, path: string): NamedTensor {
  if (!isJsonObject(entry)) throw new ModelError(`${path}: header entry of ${name} is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const isNumbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((item) => Number.isInteger(item) && item >= 0);
  if (!isNumbers(shape) || !isNumbers(offsets) || offsets.length !== 2)
    throw new ModelError(`${path}: header entry of ${name} has no valid shape or data_offsets`);
  const [begin = 0, end = 0] = offsets;
  const width = dtype === 'F32' ? 4 : dtype === 'BF16' ? 2 : undefined;
  if (width === undefined)
    throw new ModelError(`${path}: tensor ${name} has dtype ${JSON.stringify(dtype)}; supported: F32, BF16`);
  if (end > body.length || end - begin !== sizeOf(shape) * width) {
    throw new ModelError(
      `${path}: tensor ${name} of shape [${shape.join()}] needs ${sizeOf(shape) * width} bytes, the file holds ${Math.max(0, Math.min(end, body.length) - begin)}: it is truncated or corrupt`,
    );
  }
  const bytes = body.subarray(begin, end);
  return { shape, data: width === 2 ? widenBfloat16(bytes) : new Float32Array(new Uint8Array(bytes).buffer) };
}

/**
 * Reads all tensors of a file as float32.
 *
 * @throws {ModelError} naming the file, and the tensor where one is at fault.
 */
export async function readSafetensors(path: string): Promise<Map<string, NamedTensor>> {
  const file = await readFile(path).catch((cause: unknown) => {
    throw new ModelError(`${path}: cannot be read`, { cause });
  });
  const headerLength = file.length >= 8 ? Number(file.readBigUInt64LE(0)) : -1;
  if (headerLength < 2 || headerLength > HEADER_LIMIT || 8 + headerLength > file.length) {
    throw new ModelError(`${path}: is not a safetensors file, or is truncated`);
  }
  let header: unknown;
  try {
    header = JSON.parse(file.toString('utf8', 8, 8 + headerLength));
  } catch (cause) {
    throw new ModelError(`${path}: its header is not JSON`, { cause });
  }
  if (!isJsonObject(header)) throw new ModelError(`${path}: its header is not a JSON object`);
  const body = file.subarray(8 + headerLength);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.set(name, decodeTensor(name, entry, body, path));
  }
  return tensors;
}

/** Writes float32 tensors, under a temporary name until all is on disk. Equal tensors give equal bytes. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name) ?? { shape: [], data: new Float32Array() };
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  // The format asks for tensors aligned to 8 bytes: pad the header with spaces.
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const temporary = `${path}.${process.pid}.partial`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.write(length);
      await file.write(padded);
      for (const name of names) {
        const data = tensors.get(name)?.data ?? new Float32Array();
        await file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new ModelError(`${path}: cannot be written`, { cause });
  }
}
