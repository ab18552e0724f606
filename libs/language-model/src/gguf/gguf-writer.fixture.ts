// Writes GGUF files for tests, by the specification.

/** A metadata value with its type. */
export type WrittenValue =
  | { readonly type: 'u32' | 'f32' | 'u64'; readonly value: number }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly type: 'i32s'; readonly value: readonly number[] };

/** A tensor's bytes; dimensions with the fastest first. */
export interface WrittenTensor {
  readonly dimensions: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array;
}

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function encode(value: WrittenValue): Buffer {
  switch (value.type) {
    case 'u32':
      return Buffer.concat([u32(4), u32(value.value)]);
    case 'f32':
      return Buffer.concat([u32(6), Buffer.from(Float32Array.of(value.value).buffer)]);
    case 'u64':
      return Buffer.concat([u32(10), u64(value.value)]);
    case 'text':
      return Buffer.concat([u32(8), text(value.value)]);
    case 'texts':
      return Buffer.concat([u32(9), u32(8), u64(value.value.length), ...value.value.map(text)]);
    case 'i32s':
      return Buffer.concat([
        u32(9),
        u32(5),
        u64(value.value.length),
        Buffer.from(Int32Array.from(value.value).buffer),
      ]);
  }
}

/** The bytes of a file. */
export function ggufBytes(
  metadata: ReadonlyMap<string, WrittenValue>,
  tensors: ReadonlyMap<string, WrittenTensor>,
  version = 3,
): Buffer {
  const parts = [Buffer.from('GGUF'), u32(version), u64(tensors.size), u64(metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), encode(value));
  const body: Buffer[] = [];
  let offset = 0;
  for (const [name, { dimensions, type, bytes }] of tensors) {
    parts.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    const padded = Buffer.alloc(Math.ceil(bytes.length / 32) * 32);
    padded.set(bytes);
    body.push(padded);
    offset += padded.length;
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), ...body]);
}
