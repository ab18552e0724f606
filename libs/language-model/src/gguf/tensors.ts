// The tensors of a GGUF file, under ggml's names, read and widened block by block.
import { type FileHandle } from 'node:fs/promises';
import { sizeOf } from '@overtone/tensor';
import { ModelError } from '../model-error.ts';
import { CHUNK_BYTES, readFully, sharedFloats, type NamedTensor, type TensorEntry } from '../tensor-file.ts';
import { BLOCKS, dequantize, formatName, isGgufFormat, type GgufFormat } from './dequantize.ts';
import { type GgufHeader } from './header.ts';

/** A tensor and its bytes. */
export interface GgufEntry extends TensorEntry {
  readonly dtype: GgufFormat;
  /** Of its first byte in the file. */
  readonly position: number;
  readonly bytes: number;
}

/**
 * Checks the tensors of a header against the size of the file. Shapes are turned around, so that the fastest dimension is last.
 *
 * @throws {ModelError} naming the file and the tensor.
 */
export function ggufEntries(path: string, header: GgufHeader, size: number): Map<string, GgufEntry> {
  const entries = new Map<string, GgufEntry>();
  for (const [name, { dimensions, type, offset }] of header.tensors) {
    const dtype = formatName(type);
    if (!isGgufFormat(dtype)) {
      throw new ModelError(
        `${path}: tensor ${name} has format ${dtype}; supported: ${Object.keys(BLOCKS).join(', ')}`,
      );
    }
    const shape = dimensions.toReversed();
    const block = BLOCKS[dtype];
    if ((shape.at(-1) ?? 1) % block.numbers !== 0) {
      throw new ModelError(
        `${path}: tensor ${name} of shape [${shape.join()}] has rows that are no whole blocks of ${dtype}: the file is corrupt`,
      );
    }
    const bytes = (sizeOf(shape) / block.numbers) * block.bytes;
    const position = header.dataOffset + offset;
    if (offset % header.alignment !== 0)
      throw new ModelError(`${path}: tensor ${name} lies at ${offset}, which is not aligned: it is corrupt`);
    if (!Number.isSafeInteger(bytes) || position + bytes > size) {
      throw new ModelError(
        `${path}: tensor ${name} of shape [${shape.join()}] needs ${bytes} bytes, the file holds ${Math.max(0, size - position)}: it is truncated or corrupt; fetch it again`,
      );
    }
    entries.set(name, { shape, dtype, position, bytes });
  }
  let [end, before] = [0, ''];
  for (const [name, entry] of [...entries].sort(([, a], [, b]) => a.position - b.position)) {
    if (entry.position < end)
      throw new ModelError(`${path}: tensors ${before} and ${name} overlap: the file is corrupt`);
    [end, before] = [entry.position + entry.bytes, name];
  }
  return entries;
}

/**
 * Reads a tensor.
 *
 * @param place Where a row of the file goes; default: where it is. A tensor of one dimension has rows of one number then.
 * @param floats Gives memory for so many numbers. Default: shared memory.
 */
export async function readGgufTensor(
  file: FileHandle,
  path: string,
  { shape, dtype, position, bytes }: GgufEntry,
  place?: (row: number) => number,
  signal?: AbortSignal,
  floats = sharedFloats,
): Promise<NamedTensor> {
  const data = floats(sizeOf(shape));
  const block = BLOCKS[dtype];
  const columns = place === undefined ? block.numbers : shape.length < 2 ? 1 : (shape.at(-1) ?? 1);
  const rowBytes = (columns / block.numbers) * block.bytes;
  const scratch = new Uint8Array(Math.min(bytes, Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)) * rowBytes));
  for (let done = 0; done < bytes; done += scratch.length) {
    signal?.throwIfAborted();
    const chunk = scratch.subarray(0, Math.min(scratch.length, bytes - done));
    await readFully(file, path, chunk, position + done);
    const firstRow = done / rowBytes;
    if (place === undefined) {
      dequantize(dtype, chunk, data, firstRow * columns);
      continue;
    }
    for (let row = 0; row * rowBytes < chunk.length; row++) {
      dequantize(
        dtype,
        chunk.subarray(row * rowBytes, (row + 1) * rowBytes),
        data,
        place(firstRow + row) * columns,
      );
    }
  }
  return { shape, data };
}
