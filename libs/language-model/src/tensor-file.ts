// Tensors in a file, read one at a time: what safetensors and GGUF files have in common.
import { open, stat, type FileHandle } from 'node:fs/promises';
import { ModelError } from './model-error.ts';

/** A float32 tensor with its shape. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What a file says about a tensor before it is read. */
export interface TensorEntry {
  readonly shape: readonly number[];
  /** The format on disk, such as BF16 or Q4_0. */
  readonly dtype: string;
}

/** An open file of tensors. */
export interface TensorFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * Reads a tensor as float32, straight into the memory that `floats` gives for so many numbers. Default: shared memory of its own, so
   * that worker threads need no copy.
   */
  read(name: string, signal?: AbortSignal, floats?: (count: number) => Float32Array): Promise<NamedTensor>;
  close(): Promise<void>;
}

/** Bytes that are read at once. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

/** Numbers in memory that threads can share. */
export function sharedFloats(count: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * count));
}

/** Opens a file for positioned reads. Throws a ModelError that names it. */
export async function openForReading(path: string): Promise<{ file: FileHandle; size: number }> {
  try {
    const { size } = await stat(path);
    return { file: await open(path, 'r'), size };
  } catch (cause) {
    throw new ModelError(`${path}: cannot be read: ${reason(cause)}`, { cause });
  }
}

/** Fills `target` with the bytes from `position` on. Throws a ModelError if the file ends before. */
export async function readFully(
  file: FileHandle,
  path: string,
  target: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file
      .read(target, done, Math.min(target.length - done, CHUNK_BYTES), position + done)
      .catch((cause: unknown) => {
        throw new ModelError(`${path}: cannot be read: ${reason(cause)}`, { cause });
      });
    if (bytesRead === 0) throw new ModelError(`${path}: ends at byte ${position + done}: it is truncated`);
    done += bytesRead;
  }
}

/** What an error says of itself, in words that name no path twice. */
export function reason(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return cause instanceof Error ? cause.message : String(cause);
}
