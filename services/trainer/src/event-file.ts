// A TensorBoard event file: TFRecord frames, each a protocol buffer `tensorflow.Event` with the scalars of one step.
//   frame = length (uint64 LE) | masked CRC-32C of the length | data | masked CRC-32C of the data
//   Event = wall_time double = 1 | step int64 = 2 | file_version string = 3 | summary { value { tag = 1 | simple_value float = 2 } = 1 } = 5
import { appendFile, open, truncate } from 'node:fs/promises';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

const CASTAGNOLI = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ CASTAGNOLI : value >>> 1;
  return value;
});

/** CRC-32C (RFC 3720), unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** The mask of TFRecord: a rotation by 15 bits, and a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function frame(data: Uint8Array): Buffer {
  const record = Buffer.alloc(8 + 4 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(data), 12 + data.length);
  return record;
}

/** The frame that opens a file. @param wallTime Seconds since 1970. */
export function headerFrame(wallTime: number): Buffer {
  return frame(
    new BinaryWriter()
      .tag(1, WireType.Bit64)
      .double(wallTime)
      .tag(3, WireType.LengthDelimited)
      .string('brain.Event:2')
      .finish(),
  );
}

/** The frame of a step's scalars. @param wallTime Seconds since 1970. */
export function stepFrame(wallTime: number, step: number, values: Readonly<Record<string, number>>): Buffer {
  const writer = new BinaryWriter()
    .tag(1, WireType.Bit64)
    .double(wallTime)
    .tag(2, WireType.Varint)
    .int64(step)
    .tag(5, WireType.LengthDelimited)
    .fork();
  for (const [tag, value] of Object.entries(values)) {
    writer
      .tag(1, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.LengthDelimited)
      .string(tag)
      .tag(2, WireType.Bit32)
      .float(value)
      .join();
  }
  return frame(writer.join().finish());
}

/** The step of an event, 0 where it has none. */
function stepOf(event: Uint8Array): number {
  const reader = new BinaryReader(event);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 2) return Number(reader.int64());
    reader.skip(type);
  }
  return 0;
}

/** A file that a job's steps are appended to. */
export class EventFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file at a step: what comes after it, or is not whole, is cut off; a file that is not there begins. */
  async continueAfter(step: number): Promise<void> {
    const file = await open(this.#path, 'a+');
    let end = 0;
    try {
      const bytes = await file.readFile();
      while (end + 12 <= bytes.length) {
        const length = Number(bytes.readBigUInt64LE(end));
        const next = end + 16 + length;
        if (next > bytes.length || stepOf(bytes.subarray(end + 12, end + 12 + length)) > step) break;
        end = next;
      }
    } finally {
      await file.close();
    }
    await truncate(this.#path, end);
    if (end === 0) await appendFile(this.#path, headerFrame(Date.now() / 1000));
  }

  /** Appends a step. */
  async append(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    await appendFile(this.#path, stepFrame(Date.now() / 1000, step, values));
  }
}
