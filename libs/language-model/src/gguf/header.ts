// The header of a GGUF file (versions 2 and 3, little-endian): metadata by key, and where each tensor lies.
// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { readSync } from 'node:fs';
import { ModelError } from '../model-error.ts';

/** A metadata value; 64-bit integers are numbers, so what exceeds 2⁵³ is refused. */
export type GgufValue = number | boolean | string | readonly GgufValue[];

/** A tensor as the header describes it. */
export interface GgufTensor {
  /** As ggml writes it: the fastest dimension first. */
  readonly dimensions: readonly number[];
  /** ggml's number of the format. */
  readonly type: number;
  /** Bytes after the start of the tensor data. */
  readonly offset: number;
}

/** What a GGUF file says before its tensors. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Where the tensor data starts. */
  readonly dataOffset: number;
  readonly alignment: number;
}

const REFILL = 1024 * 1024;
const ARRAY = 9;
/** ggml's GGML_MAX_DIMS. */
const DIMENSIONS_LIMIT = 4;

/** Reads a file's values one after another. */
class Cursor {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #size: number;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #at = 0;

  constructor(path: string, descriptor: number, size: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#size = size;
  }

  get position(): number {
    return this.#start + this.#at;
  }

  fail(what: string): never {
    throw new ModelError(`${this.#path}: ${what} (at byte ${this.position})`);
  }

  /** The position of the next `count` bytes in the buffer. */
  #take(count: number): number {
    if (this.#at + count > this.#buffer.length) {
      if (count > this.#size - this.position)
        this.fail('its header ends too early: it is truncated or corrupt; fetch it again');
      const next = Buffer.allocUnsafe(Math.min(Math.max(count, REFILL), this.#size - this.position));
      this.#start = this.position;
      this.#at = 0;
      for (let done = 0; done < next.length;) {
        const read = readSync(this.#descriptor, next, done, next.length - done, this.#start + done);
        if (read === 0) this.fail('cannot be read to its end');
        done += read;
      }
      this.#buffer = next;
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }

  uint32(): number {
    const at = this.#take(4);
    return this.#buffer.readUInt32LE(at);
  }

  /** An unsigned 64-bit number. */
  size(): number {
    const at = this.#take(8);
    return this.#safe(this.#buffer.readBigUInt64LE(at));
  }

  /** A count of things that take at least `bytes` each, which must fit into the rest of the file. */
  count(bytes: number): number {
    const count = this.size();
    if (count * bytes > this.#size - this.position)
      this.fail(
        `says that ${count} items follow, which the file has no room for: it is truncated or corrupt`,
      );
    return count;
  }

  text(): string {
    const length = this.count(1);
    const at = this.#take(length);
    return this.#buffer.toString('utf8', at, at + length);
  }

  value(type: number): GgufValue {
    if (type === 8) return this.text();
    if (type === ARRAY) {
      const item = this.uint32();
      if (item === ARRAY) this.fail('holds an array of arrays, which is not supported');
      return Array.from({ length: this.count(1) }, () => this.value(item));
    }
    const scalar = SCALARS[type] ?? this.fail(`has a value of unknown type ${type}: it is corrupt`);
    const at = this.#take(scalar.bytes);
    const value = scalar.read(this.#buffer, at);
    return typeof value === 'bigint' ? this.#safe(value) : value;
  }

  #safe(value: bigint): number {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : this.fail(`has the number ${value}, which is too large`);
  }
}

interface Scalar {
  readonly bytes: number;
  read(buffer: Buffer, at: number): number | bigint | boolean;
}

const SCALARS: Readonly<Record<number, Scalar>> = {
  0: { bytes: 1, read: (buffer, at) => buffer.readUInt8(at) },
  1: { bytes: 1, read: (buffer, at) => buffer.readInt8(at) },
  2: { bytes: 2, read: (buffer, at) => buffer.readUInt16LE(at) },
  3: { bytes: 2, read: (buffer, at) => buffer.readInt16LE(at) },
  4: { bytes: 4, read: (buffer, at) => buffer.readUInt32LE(at) },
  5: { bytes: 4, read: (buffer, at) => buffer.readInt32LE(at) },
  6: { bytes: 4, read: (buffer, at) => buffer.readFloatLE(at) },
  7: { bytes: 1, read: (buffer, at) => buffer.readUInt8(at) !== 0 },
  10: { bytes: 8, read: (buffer, at) => buffer.readBigUInt64LE(at) },
  11: { bytes: 8, read: (buffer, at) => buffer.readBigInt64LE(at) },
  12: { bytes: 8, read: (buffer, at) => buffer.readDoubleLE(at) },
};

function checkVersion(cursor: Cursor): void {
  const version = cursor.uint32();
  if (version === 0x0300_0000 || version === 0x0200_0000)
    cursor.fail('is big-endian, which is not supported');
  if (version !== 2 && version !== 3)
    cursor.fail(`is of GGUF version ${version}, which is not supported; supported: 2, 3`);
}

function readTensor(cursor: Cursor, name: string): GgufTensor {
  const rank = cursor.uint32();
  if (rank > DIMENSIONS_LIMIT) cursor.fail(`tensor ${name} has ${rank} dimensions: the file is corrupt`);
  return {
    dimensions: Array.from({ length: rank }, () => cursor.size()),
    type: cursor.uint32(),
    offset: cursor.size(),
  };
}

/**
 * Reads the header of an open file.
 *
 * @throws {ModelError} naming the file and what is wrong with it.
 */
export function readGgufHeader(path: string, descriptor: number, size: number): GgufHeader {
  const cursor = new Cursor(path, descriptor, size);
  // "GGUF", read as a number.
  if (size < 4 || cursor.uint32() !== 0x4655_4747) throw new ModelError(`${path}: is not a GGUF file`);
  checkVersion(cursor);
  const tensorCount = cursor.count(1);
  const metadataCount = cursor.count(1);
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < metadataCount; index++) {
    const key = cursor.text();
    if (metadata.has(key)) cursor.fail(`has the key ${key} twice`);
    metadata.set(key, cursor.value(cursor.uint32()));
  }
  const tensors = new Map<string, GgufTensor>();
  for (let index = 0; index < tensorCount; index++) {
    const name = cursor.text();
    if (tensors.has(name)) cursor.fail(`has the tensor ${name} twice`);
    tensors.set(name, readTensor(cursor, name));
  }
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || alignment < 1 || !Number.isInteger(alignment))
    throw new ModelError(`${path}: general.alignment ${JSON.stringify(alignment)} is not a positive integer`);
  const dataOffset = Math.ceil(cursor.position / alignment) * alignment;
  return { metadata, tensors, dataOffset, alignment };
}
