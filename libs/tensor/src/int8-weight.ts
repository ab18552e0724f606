// A weight as eight-bit integers with a scale for each of its outputs.

/** Of the largest number of a row. −128 is not used: the range is symmetric. */
export const LARGEST_INT8 = 127;
const ROWS_AT_ONCE = 64;

/** An eight-bit weight, laid out as integer kernels read it. */
export interface Int8Weight {
  /** [out, in] of the weight that it stands for. */
  readonly shape: readonly [out: number, input: number];
  /** [in, out]: round(W / scale) transposed; unsigned ones have 128 added. */
  readonly values: Int8Array | Uint8Array;
  /** [out]: the largest magnitude of each output's weights over 127. */
  readonly scales: Float32Array;
}

const VALUES = '.int8';

/** The names of the inputs that stand for a weight. */
export function int8Names(weight: string): { readonly values: string; readonly scales: string } {
  return { values: `${weight}${VALUES}`, scales: `${weight}.scale` };
}

/** The weight that integers of this name stand for. */
export function weightOf(values: string): string {
  return values.slice(0, -VALUES.length);
}

/**
 * Rounds a weight [out, in] to eight bits, each output's row by its own largest number (absmax).
 *
 * @param shared Puts the result on shared memory. Default false.
 * @throws RangeError when the weight is no matrix of these sizes.
 */
export function int8Weight(
  weight: Float32Array,
  [out, input]: readonly [out: number, input: number],
  { signed = true, shared = false }: { readonly signed?: boolean; readonly shared?: boolean } = {},
): Int8Weight {
  if (weight.length !== out * input)
    throw new RangeError(`A weight of [${out}, ${input}] has ${out * input} numbers, got ${weight.length}`);
  const memory = (bytes: number): ArrayBuffer | SharedArrayBuffer =>
    shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  const buffer = memory(weight.length);
  const values = signed ? new Int8Array(buffer) : new Uint8Array(buffer);
  const scales = new Float32Array(memory(Float32Array.BYTES_PER_ELEMENT * out));
  const zero = signed ? 0 : LARGEST_INT8 + 1;
  for (let row = 0; row < out; row++) {
    let largest = 0;
    for (let i = row * input; i < (row + 1) * input; i++)
      largest = Math.max(largest, Math.abs(weight[i] ?? 0));
    // A row of zeros has any scale.
    scales[row] = Math.fround(largest / LARGEST_INT8) || 1;
  }
  // By few rows at a time, so that neither what is read nor what is written leaves the processor's cache between two uses.
  for (let first = 0; first < out; first += ROWS_AT_ONCE) {
    const end = Math.min(out, first + ROWS_AT_ONCE);
    for (let i = 0; i < input; i++)
      for (let row = first; row < end; row++)
        values[i * out + row] = Math.round((weight[row * input + i] ?? 0) / (scales[row] ?? 1)) + zero;
  }
  return { shape: [out, input], values, scales };
}
