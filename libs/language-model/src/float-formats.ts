// The floating-point formats of weights on disk, widened to float32 and rounded from it.

/** IEEE 754 single and half precision, and bfloat16, by the names that safetensors gives them. */
export type FloatFormat = 'F32' | 'F16' | 'BF16';

/** Bytes of one number. */
export const FLOAT_WIDTH: Readonly<Record<FloatFormat, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Whether a dtype's name is one of the formats. */
export function isFloatFormat(dtype: unknown): dtype is FloatFormat {
  return typeof dtype === 'string' && Object.hasOwn(FLOAT_WIDTH, dtype);
}

/** The bits of the float32 that equals a half-precision number; a NaN keeps its sign and payload. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f80_0000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  // A subnormal: fraction · 2⁻²⁴, which float32 holds as a normal number.
  const shift = Math.clz32(fraction) - 21;
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0;
}

let halves: Uint32Array | undefined;

/** Float32 bits of every half-precision number, by its bits. */
export function halfTable(): Uint32Array {
  return (halves ??= Uint32Array.from({ length: 0x1_0000 }, (_, half) => widenHalf(half)));
}

function halfWords(bytes: Uint8Array, count: number): Uint16Array {
  return bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, count)
    : new Uint16Array(bytes.slice(0, 2 * count).buffer);
}

/**
 * Writes the numbers that `bytes` holds (little-endian) into `target` from index `at`. Exact: subnormals, infinities, the sign of
 * zero and NaNs are kept.
 */
export function widen(format: FloatFormat, bytes: Uint8Array, target: Float32Array, at = 0): void {
  const count = bytes.length / FLOAT_WIDTH[format];
  const bits = new Uint32Array(target.buffer, target.byteOffset + 4 * at, count);
  if (format === 'F32') {
    new Uint8Array(bits.buffer, bits.byteOffset, bytes.length).set(bytes);
    return;
  }
  const words = halfWords(bytes, count);
  if (format === 'BF16') {
    for (let index = 0; index < count; index++) bits[index] = (words[index] ?? 0) << 16;
  } else {
    const table = halfTable();
    for (let index = 0; index < count; index++) bits[index] = table[words[index] ?? 0] ?? 0;
  }
}

/** The bits of the half-precision number nearest to the float32 with bits `x`; ties go to the even one. */
function narrowHalf(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  // 65520 and more are nearer to 65536, which is no half.
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  if (magnitude >= 0x3880_0000) {
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x3800_0000) >>> 13);
  }
  // Below 2⁻¹⁴ a half counts in steps of 2⁻²⁴; 2⁻²⁵ and less round to zero.
  if (magnitude <= 0x3300_0000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7f_ffff) | 0x80_0000;
  const whole = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (whole + (rest > half || (rest === half && (whole & 1) === 1) ? 1 : 0));
}

/**
 * The bytes (little-endian) of numbers in a format: each is rounded to the nearest, ties to even; what is too large becomes
 * infinite, a NaN stays one. F32 shares the memory of `values`.
 */
export function narrow(format: FloatFormat, values: Float32Array): Uint8Array {
  if (format === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const words = new Uint16Array(values.length);
  for (let index = 0; index < words.length; index++) {
    const x = bits[index] ?? 0;
    if (format === 'F16') words[index] = narrowHalf(x);
    else if ((x & 0x7fff_ffff) > 0x7f80_0000) words[index] = (x >>> 16) | 0x40;
    else words[index] = (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(words.buffer);
}
