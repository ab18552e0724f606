import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrow, widen, type FloatFormat } from './float-formats.ts';

const widened = (format: FloatFormat, ...words: number[]): Float32Array => {
  const target = new Float32Array(words.length);
  widen(format, new Uint8Array(Uint16Array.from(words).buffer), target);
  return target;
};
const narrowed = (format: FloatFormat, ...values: number[]): number[] => [
  ...new Uint16Array(narrow(format, Float32Array.from(values)).buffer),
];

/** A half by the definition in IEEE 754. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

describe('16-bit floats', () => {
  it('widen to the number that the standard says, every half there is', () => {
    const all = Array.from({ length: 65_536 }, (_, bits) => bits);
    expect([...widened('F16', ...all)]).toEqual(all.map(half));
  });

  it('survive the way to float32 and back, all but the quiet bit of a NaN', () => {
    const all = Array.from({ length: 65_536 }, (_, bits) => bits);
    for (const [format, quiet, infinity] of [
      ['F16', 0x200, 0x7c00],
      ['BF16', 0x40, 0x7f80],
    ] as const) {
      const again = narrowed(format, ...widened(format, ...all));
      // A number that JavaScript has touched may have become a quiet NaN.
      expect(again.map((bits) => ((bits & 0x7fff) > infinity ? bits | quiet : bits))).toEqual(
        all.map((bits) => ((bits & 0x7fff) > infinity ? bits | quiet : bits)),
      );
    }
  });

  it('round to the nearest, ties to even', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true }),
        fc.constantFrom('F16' as const, 'BF16' as const),
        (x, format) => {
          const [bits = 0] = narrowed(format, x);
          const [value = 0, below = 0, above = 0] = widened(format, bits, bits - 1, bits + 1);
          const largest = format === 'F16' ? 65_504 : 3.3895313892515355e38;
          if (Math.abs(x) > largest) {
            // What is nearer to the next power of two than to the largest number is infinite.
            const limit = format === 'F16' ? 65_520 : 3.3961775292304957e38;
            expect(Math.abs(value)).toBe(Math.abs(x) >= limit ? Infinity : largest);
            return;
          }
          const error = Math.abs(value - x);
          const neighbours = (bits & 0x7fff) === 0 ? [above] : [below, above];
          for (const other of neighbours.filter(Number.isFinite)) {
            expect(error).toBeLessThanOrEqual(Math.abs(other - x));
            if (error === Math.abs(other - x)) expect(bits & 1).toBe(0);
          }
        },
      ),
      { numRuns: 2000 },
    );
    // 2049 and 2051 lie between halves; 2⁻²⁵ is half of the smallest; 65519.996 is the last that is not infinite.
    expect(narrowed('F16', 2049, 2051, 2 ** -25, 2 ** -25 * 1.001, 65_519.996, 65_520, -0)).toEqual([
      0x6800, 0x6802, 0, 1, 0x7bff, 0x7c00, 0x8000,
    ]);
    expect(narrowed('BF16', 1 + 2 ** -8, 1 + 3 * 2 ** -8, NaN, -Infinity)).toEqual([
      0x3f80, 0x3f82, 0x7fc0, 0xff80,
    ]);
  });
});
