// ggml's tensor formats, widened to float32: plain ones, and blocks of 32 small integers that share a scale.
// Source of the formulas: dequantize_row_* in ggml-quants.c.
import { halfTable, widen, type FloatFormat } from '../float-formats.ts';

/** A format that is read. */
export type GgufFormat = FloatFormat | 'Q4_0' | 'Q4_1' | 'Q8_0';

/** Numbers in a block, and the bytes that a block takes. */
export const BLOCKS: Readonly<Record<GgufFormat, { readonly numbers: number; readonly bytes: number }>> = {
  F32: { numbers: 1, bytes: 4 },
  F16: { numbers: 1, bytes: 2 },
  BF16: { numbers: 1, bytes: 2 },
  Q4_0: { numbers: 32, bytes: 18 },
  Q4_1: { numbers: 32, bytes: 20 },
  Q8_0: { numbers: 32, bytes: 34 },
};

/** Names of ggml's formats, by their number (enum ggml_type). */
const NAMES: Readonly<Record<number, string>> = {
  ...{ 0: 'F32', 1: 'F16', 2: 'Q4_0', 3: 'Q4_1', 6: 'Q5_0', 7: 'Q5_1', 8: 'Q8_0', 9: 'Q8_1', 10: 'Q2_K' },
  ...{ 11: 'Q3_K', 12: 'Q4_K', 13: 'Q5_K', 14: 'Q6_K', 15: 'Q8_K', 16: 'IQ2_XXS', 17: 'IQ2_XS' },
  ...{ 18: 'IQ3_XXS', 19: 'IQ1_S', 20: 'IQ4_NL', 21: 'IQ3_S', 22: 'IQ2_S', 23: 'IQ4_XS', 24: 'I8' },
  ...{ 25: 'I16', 26: 'I32', 27: 'I64', 28: 'F64', 29: 'IQ1_M', 30: 'BF16', 34: 'TQ1_0', 35: 'TQ2_0' },
  ...{ 39: 'MXFP4', 40: 'NVFP4' },
};

/** The name of a format, by ggml's number. */
export function formatName(type: number): string {
  return NAMES[type] ?? `number ${type}`;
}

/** Whether a format is read. */
export function isGgufFormat(name: string): name is GgufFormat {
  return Object.hasOwn(BLOCKS, name);
}

/**
 * Writes the numbers of whole blocks into `target` from index `at`. As in ggml, products are exact and only the sum of Q4_1 is
 * rounded, to float32.
 */
export function dequantize(format: GgufFormat, bytes: Uint8Array, target: Float32Array, at: number): void {
  if (format === 'F32' || format === 'F16' || format === 'BF16') {
    widen(format, bytes, target, at);
    return;
  }
  const { numbers, bytes: width } = BLOCKS[format];
  const scales = new Float32Array(halfTable().buffer);
  const scaleAt = (place: number): number =>
    scales[(bytes[place] ?? 0) | ((bytes[place + 1] ?? 0) << 8)] ?? 0;
  for (let block = 0, out = at; block < bytes.length; block += width, out += numbers) {
    const scale = scaleAt(block);
    if (format === 'Q8_0') {
      for (let index = 0; index < 32; index++)
        target[out + index] = (((bytes[block + 2 + index] ?? 0) << 24) >> 24) * scale;
      continue;
    }
    // Low halves of the bytes are the block's first 16 numbers, high halves the other 16.
    const first = format === 'Q4_0' ? block + 2 : block + 4;
    const shift = format === 'Q4_0' ? 8 : 0;
    const minimum = format === 'Q4_0' ? 0 : scaleAt(block + 2);
    for (let index = 0; index < 16; index++) {
      const pair = bytes[first + index] ?? 0;
      target[out + index] = ((pair & 15) - shift) * scale + minimum;
      target[out + index + 16] = ((pair >> 4) - shift) * scale + minimum;
    }
  }
}
