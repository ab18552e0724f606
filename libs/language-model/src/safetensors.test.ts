import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tensors = fc
  .dictionary(
    fc.stringMatching(/^[a-z][a-zA-Z0-9_.é]{0,20}$/),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) =>
      fc
        .array(fc.float(), {
          minLength: shape.reduce((size, side) => size * side, 1),
          maxLength: shape.reduce((size, side) => size * side, 1),
        })
        .map((data): NamedTensor => ({ shape, data: Float32Array.from(data) })),
    ),
    { maxKeys: 6 },
  )
  .map((entries) => new Map(Object.entries(entries)));

/** A file of the format from a header and a body, as other writers make it: no padding, no metadata. */
async function handMade(header: unknown, body: Uint8Array): Promise<string> {
  const path = join(folder, 'hand-made.safetensors');
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([length, json, body]));
  return path;
}

const bytesOf = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

describe('safetensors', () => {
  it('reads back what was written, to the bit, and writes equal bytes in any order', async () => {
    const [path, other] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')];
    await fc.assert(
      fc.asyncProperty(tensors, async (written) => {
        await writeSafetensors(path, written);
        const read = await readSafetensors(path);
        expect([...read.keys()].sort()).toEqual([...written.keys()].sort());
        for (const [name, { shape, data }] of written) {
          expect(read.get(name)?.shape).toEqual(shape);
          const again = read.get(name)?.data ?? new Float32Array();
          expect(new Uint32Array(again.buffer)).toEqual(new Uint32Array(data.buffer));
        }
        await writeSafetensors(other, new Map([...written].reverse()));
        expect((await readFile(path)).equals(await readFile(other))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('starts tensors at multiples of 8 bytes, as the format asks', async () => {
    const path = join(folder, 'aligned.safetensors');
    for (const name of ['a', 'ab', 'abc', 'abcd']) {
      await writeSafetensors(path, new Map([[name, { shape: [1], data: Float32Array.of(1) }]]));
      expect(Number((await readFile(path)).readBigUInt64LE(0)) % 8).toBe(0);
    }
  });

  it('widens bfloat16 exactly', async () => {
    // The upper halves of the float32 encodings of 1, −2, 0.15625, 2^−133 (subnormal), −0 and infinity.
    const halves = Uint16Array.of(0x3f80, 0xc000, 0x3e20, 0x0001, 0x8000, 0x7f80);
    const path = await handMade(
      {
        odd: { dtype: 'BF16', shape: [1], data_offsets: [0, 2] },
        x: { dtype: 'BF16', shape: [2, 3], data_offsets: [2, 14] },
      },
      new Uint8Array(Uint16Array.of(0x4049, ...halves).buffer),
    );
    const read = await readSafetensors(path);
    expect(read.get('x')).toEqual({
      shape: [2, 3],
      data: Float32Array.of(1, -2, 0.15625, 2 ** -133, -0, Infinity),
    });
    expect(read.get('odd')?.data[0]).toBe(3.140625);
  });

  it('reads what other programs write: metadata, unpadded headers, tensors in another order', async () => {
    const path = await handMade(
      {
        second: { dtype: 'F32', shape: [], data_offsets: [4, 8] },
        __metadata__: { format: 'pt' },
        first: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
      },
      bytesOf(1.5, -2.5),
    );
    expect(Object.fromEntries(await readSafetensors(path))).toEqual({
      first: { shape: [1], data: Float32Array.of(1.5) },
      second: { shape: [], data: Float32Array.of(-2.5) },
    });
  });

  it('refuses a file that was cut off anywhere, naming it', async () => {
    const whole = join(folder, 'whole.safetensors');
    await writeSafetensors(
      whole,
      new Map([['layer.weight', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]),
    );
    const bytes = await readFile(whole);
    const cut = join(folder, 'cut.safetensors');
    for (let length = 0; length < bytes.length; length++) {
      await writeFile(cut, bytes.subarray(0, length));
      await expect(readSafetensors(cut)).rejects.toThrow(/cut\.safetensors: .*truncated/);
    }
    await expect(readSafetensors(cut)).rejects.toThrow(
      /tensor layer\.weight of shape \[2,2\] needs 16 bytes, the file holds 15/,
    );
  });

  it('names the file and the tensor of a corrupt header', async () => {
    const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
    for (const [header, message] of [
      ['{"x":', /hand-made\.safetensors: its header is not JSON/],
      ['[1]', /hand-made\.safetensors: its header is not a JSON object/],
      [{ x: 3 }, /hand-made\.safetensors: header entry of x is not an object/],
      [{ x: { ...entry, shape: [-2] } }, /hand-made\.safetensors: header entry of x has no valid shape/],
      [{ x: { ...entry, data_offsets: [0] } }, /hand-made\.safetensors: header entry of x has no valid/],
      [{ x: { ...entry, data_offsets: [8, 0] } }, /hand-made\.safetensors: tensor x .*corrupt/],
      [{ x: { ...entry, shape: [3] } }, /hand-made\.safetensors: tensor x of shape \[3\] needs 12 bytes/],
      [
        { x: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } },
        /hand-made\.safetensors: tensor x has dtype "I64"; supported: F32, F16, BF16/,
      ],
      [{ x: { ...entry, data_offsets: [4, 12] } }, /hand-made\.safetensors: tensor x .* hole or overlap/],
      [
        { x: entry, y: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } },
        /hand-made\.safetensors: tensor y .* hole or overlap/,
      ],
      [
        { x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
        /hand-made\.safetensors: 4 bytes follow the last tensor/,
      ],
      [`{"x":${JSON.stringify(entry)},"x":${JSON.stringify(entry)}}`, /its header names x twice/],
      [`{"x":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}`, /its header names shape twice/],
      [{ x: entry, __metadata__: { format: 1 } }, /its __metadata__ is not an object of strings/],
    ] as const) {
      await expect(readSafetensors(await handMade(header, bytesOf(1, 2)))).rejects.toThrow(message);
    }
    await expect(readSafetensors(join(folder, 'absent.safetensors'))).rejects.toThrow(
      /absent\.safetensors: cannot be read/,
    );
  });

  it('reads some of the tensors, and stops when it is told to', async () => {
    const path = join(folder, 'some.safetensors');
    const make = (value: number): NamedTensor => ({ shape: [1], data: Float32Array.of(value) });
    await writeSafetensors(
      path,
      new Map([
        ['a', make(1)],
        ['b', make(2)],
        ['c', make(3)],
      ]),
    );
    expect(Object.fromEntries(await readSafetensors(path, { names: ['c', 'a'] }))).toEqual({
      a: make(1),
      c: make(3),
    });
    await expect(readSafetensors(path, { names: ['d'] })).rejects.toThrow(
      /some\.safetensors: has no tensor d/,
    );
    const stopped = AbortSignal.abort(new Error('enough'));
    await expect(readSafetensors(path, { signal: stopped })).rejects.toThrow('enough');
    const before = await readdir(folder);
    await expect(
      writeSafetensors(join(folder, 'other.safetensors'), new Map([['a', make(1)]]), { signal: stopped }),
    ).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual(before);
  });

  it('reads into memory that threads share, whatever the format, across chunks', async () => {
    const path = join(folder, 'large.safetensors');
    const data = Float32Array.from({ length: 3_000_001 }, (_, index) => index % 251);
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      await writeSafetensors(path, new Map([['x', { shape: [data.length], data }]]), { dtype });
      const read = (await readSafetensors(path)).get('x')?.data ?? new Float32Array();
      expect(read.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(Buffer.from(new Uint8Array(read.buffer)).equals(new Uint8Array(data.buffer))).toBe(true);
    }
  });

  it('leaves nothing behind when a file cannot be written', async () => {
    // A folder stands where the file should go, so that the last move fails.
    await writeFile(join(await mkdtemp(join(folder, 'taken-')), 'x'), '');
    const [taken = ''] = (await readdir(folder)).filter((name) => name.startsWith('taken-'));
    const before = await readdir(folder);
    await expect(
      writeSafetensors(join(folder, taken), new Map([['x', { shape: [1], data: Float32Array.of(1) }]])),
    ).rejects.toThrow(/taken-\w+: cannot be written/);
    expect(await readdir(folder)).toEqual(before);
  });
});
