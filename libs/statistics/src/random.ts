// A seeded source of random numbers: a key of any parts is hashed to 128 bits (MurmurHash3) that start an sfc32
// generator. Think of it as a name for a stream: the same key gives the same draws on every platform and in every
// process, and nearby keys ("seed 1, sample 2" and "seed 1, sample 3") give unrelated streams.

/** Draws the next number, uniform in [0, 1), a multiple of 2^-32. */
export type Random = () => number;

/**
 * The random stream that a key names. Parts are told apart by type, position and length: `('ab', 'c')`, `('a', 'bc')`
 * and `(1)` and `('1')` are four streams.
 * Hash: MurmurHash3_x86_128 of the key's UTF-8 bytes; generator: sfc32 of Chris Doty-Humphrey's PractRand (period of at
 * least 2^32, 2^127 on average).
 * @throws RangeError when a numeric part is not finite
 */
export function seededRandom(...key: readonly (string | number)[]): Random {
  let [a, b, c, counter] = hash128(encoder.encode(key.map(encodePart).join('')));
  const random = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) * 2 ** -32;
  };
  for (let round = 0; round < 15; round++) random();
  return random;
}

/** A standard normal deviate (mean 0, variance 1): Box–Muller, two uniform draws each. */
export function normalDeviate(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** An integer uniform in [0, bound). @throws RangeError when `bound` is not an integer in [1, 2^32] */
export function randomInteger(random: Random, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`randomInteger: bound is ${bound}; expected an integer in [1, 2^32]`);
  }
  return Math.floor(random() * bound);
}

/** A shuffled copy of the items (Fisher–Yates). */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = items.slice();
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const moved = shuffled[last] as T;
    shuffled[last] = shuffled[other] as T;
    shuffled[other] = moved;
  }
  return shuffled;
}

const encoder = new TextEncoder();

function encodePart(part: string | number): string {
  if (typeof part === 'string') return `s${part.length}:${part}`;
  if (!Number.isFinite(part))
    throw new RangeError(`seededRandom: a key part is ${part}; expected a finite number`);
  return `n${part};`;
}

/** MurmurHash3_x86_128 with seed 0 (Austin Appleby, public domain), as four signed 32-bit words. */
export function hash128(bytes: Uint8Array): [number, number, number, number] {
  const c1 = 0x239b961b;
  const c2 = 0xab0e9789;
  const c3 = 0x38b34ae5;
  const c4 = 0xa1e38b93;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  const { length } = bytes;
  const blocks = Math.floor(length / 16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  for (let block = 0; block < blocks; block++) {
    const at = block * 16;
    h1 ^= Math.imul(rotate(Math.imul(view.getInt32(at, true), c1), 15), c2);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(view.getInt32(at + 4, true), c2), 16), c3);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(view.getInt32(at + 8, true), c3), 17), c4);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(view.getInt32(at + 12, true), c4), 18), c1);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  // The last, incomplete block is mixed in like a whole one padded with zeros, without the rotation of the state.
  const tail = new DataView(new ArrayBuffer(16));
  for (let at = blocks * 16; at < length; at++) tail.setUint8(at - blocks * 16, view.getUint8(at));
  h4 ^= Math.imul(rotate(Math.imul(tail.getInt32(12, true), c4), 18), c1);
  h3 ^= Math.imul(rotate(Math.imul(tail.getInt32(8, true), c3), 17), c4);
  h2 ^= Math.imul(rotate(Math.imul(tail.getInt32(4, true), c2), 16), c3);
  h1 ^= Math.imul(rotate(Math.imul(tail.getInt32(0, true), c1), 15), c2);

  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = finalise(h1);
  h2 = finalise(h2);
  h3 = finalise(h3);
  h4 = finalise(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  return [h1, (h2 + h1) | 0, (h3 + h1) | 0, (h4 + h1) | 0];
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function finalise(word: number): number {
  word ^= word >>> 16;
  word = Math.imul(word, 0x85ebca6b);
  word ^= word >>> 13;
  word = Math.imul(word, 0xc2b2ae35);
  return word ^ (word >>> 16);
}
