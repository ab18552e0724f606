// Absurd values of every type that a field can have, drawn once with fast-check, and messages in which some fields have such values.
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { type Draw } from './draw.ts';
import { type Entry, isTree, messageOf, type Payload, type Tree } from './message-tree.ts';

/** Texts that have broken other systems: paths, addresses, names of properties, control characters, too much of something. */
const TEXTS = [
  '',
  ' ',
  'file:///etc/passwd',
  '../../../../etc/passwd',
  '..\\..\\windows\\system32',
  '/etc/shadow',
  '/proc/self/environ',
  's3://bucket/key',
  'http://169.254.169.254/latest/meta-data/',
  'https://user:password@localhost:1/',
  'owner/name@main',
  'hf://datasets/owner/name/file.parquet',
  '\u0000',
  'a\u0000b',
  '\u202e\u2066\ufeff',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'.repeat(40),
  '__proto__',
  'constructor',
  'toString',
  '${jndi:ldap://localhost/x}',
  "'; DROP TABLE jobs; --",
  '<script>alert(1)</script>',
  '{question}',
  '{question}'.repeat(300),
  '{{ messages }}{% for x in range(1000000000) %}x{% endfor %}',
  '<|user|><|assistant|><|end|>',
  'user',
  'system',
  'root',
  'NaN',
  '0'.repeat(64),
  'f'.repeat(64),
  'F'.repeat(64),
  '0'.repeat(63),
  '9'.repeat(3000),
  '1e999999999',
  '10^999999999',
  '(((((((((('.repeat(200),
  '\\boxed{'.repeat(500),
  ' '.repeat(20_000),
  'Judgment: '.repeat(2000),
  'x'.repeat(70_000),
];

interface Pools {
  readonly texts: readonly Uint8Array[];
  readonly doubles: readonly number[];
  readonly words: readonly number[];
  readonly longs: readonly bigint[];
}

/** What fields are filled with; the same for the same seed. */
export class AbsurdValues {
  readonly #pools: Pools;

  constructor(seed: number) {
    const sample = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { seed, numRuns: 1000 });
    const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text.toWellFormed());
    const codePoint = fc.integer({ min: 0, max: 0x10ffff });
    const text = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...TEXTS) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 200 }) },
      {
        weight: 1,
        arbitrary: fc.array(codePoint, { maxLength: 100 }).map((points) => String.fromCodePoint(...points)),
      },
      { weight: 1, arbitrary: fc.webUrl() },
    );
    this.#pools = {
      texts: sample(fc.oneof({ weight: 9, arbitrary: text.map(utf8) }, fc.uint8Array({ maxLength: 50 }))),
      doubles: sample(
        fc.oneof(
          fc.constantFrom(NaN, Infinity, -Infinity, 1e308, -1e308, 5e-324, 1e-40, -0, 0, -1, 2, 1.0000001),
          fc.double(),
        ),
      ),
      words: sample(
        fc.oneof(
          fc.constantFrom(0, 1, 2, 99, 255, 65_535, 65_537, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
          fc.nat(),
        ),
      ),
      longs: sample(
        fc.oneof(
          fc.constantFrom(0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
          fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        ),
      ),
    };
  }

  /** A value for a field; of another type than the field's now and then. */
  valueFor(field: DescField, draw: Draw): Payload | Tree {
    if (draw.chance(0.03)) return this.#scalar(draw.pick(SCALARS), draw);
    const inner = messageOf(field);
    if (inner) return draw.chance(0.2) ? this.#scalar(ScalarType.STRING, draw) : this.message(inner, draw, 2);
    if (field.fieldKind === 'enum' || (field.fieldKind === 'list' && field.listKind === 'enum'))
      return this.#scalar(draw.chance(0.2) ? ScalarType.UINT64 : ScalarType.UINT32, draw);
    const type =
      field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')
        ? field.scalar
        : ScalarType.STRING;
    return this.#scalar(type, draw);
  }

  /** A message of absurd values only. */
  message(message: DescMessage, draw: Draw, depth: number): Tree {
    const entries: Entry[] = [];
    for (const field of message.fields) {
      if (draw.chance(0.5) || (depth === 0 && messageOf(field))) continue;
      for (let times = draw.chance(0.1) ? 3 : 1; times > 0; times--) {
        const inner = messageOf(field);
        const value = inner ? this.message(inner, draw, depth - 1) : this.valueFor(field, draw);
        entries.push({ field, value });
      }
    }
    return { message, entries };
  }

  /** A copy in which some fields are absurd, missing, added or repeated. */
  spoil(tree: Tree, draw: Draw): Tree {
    const copy = cloneTree(tree);
    for (let left = 1 + draw.below(3); left > 0; left--) {
      const { message, entries } = draw.pick(treesOf(copy));
      const at = draw.below(entries.length);
      const entry = entries[at];
      const what = draw.below(20);
      if (entry === undefined || what < 4) {
        if (message.fields.length === 0) continue;
        const field = draw.pick(message.fields);
        entries.push({ field, value: this.valueFor(field, draw) });
      } else if (what < 14) {
        entries[at] = { field: entry.field, value: this.valueFor(entry.field, draw) };
      } else if (what < 17) {
        entries.splice(at, 1);
      } else {
        const times = draw.chance(0.0003) ? 1_000_000 : draw.chance(0.005) ? 5000 : 1 + draw.below(8);
        for (let copies = 0; copies < times; copies++) entries.push(entry);
      }
    }
    return copy;
  }

  #scalar(type: ScalarType, draw: Draw): Payload {
    const { texts, doubles, words, longs } = this.#pools;
    const writer = new BinaryWriter();
    switch (type) {
      case ScalarType.STRING:
      case ScalarType.BYTES:
        return { wire: WireType.LengthDelimited, bytes: draw.pick(texts) };
      case ScalarType.DOUBLE:
        return { wire: WireType.Bit64, bytes: writer.double(draw.pick(doubles)).finish() };
      case ScalarType.FLOAT:
        return { wire: WireType.Bit32, bytes: floatBytes(draw.pick(doubles)) };
      case ScalarType.UINT64:
      case ScalarType.INT64:
        return { wire: WireType.Varint, bytes: writer.uint64(draw.pick(longs)).finish() };
      default:
        return { wire: WireType.Varint, bytes: writer.uint32(draw.pick(words)).finish() };
    }
  }
}

const SCALARS = [
  ScalarType.STRING,
  ScalarType.DOUBLE,
  ScalarType.FLOAT,
  ScalarType.UINT64,
  ScalarType.UINT32,
] as const;

function floatBytes(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

function cloneTree({ message, entries }: Tree): Tree {
  return {
    message,
    entries: entries.map(({ field, value }) => ({ field, value: isTree(value) ? cloneTree(value) : value })),
  };
}

/** The tree and all trees in it. */
function treesOf(tree: Tree): Tree[] {
  return [tree, ...tree.entries.flatMap(({ value }) => (isTree(value) ? treesOf(value) : []))];
}
