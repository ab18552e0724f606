// A weight as eight-bit integers with a scale for each of its outputs.

/** Of the largest number of a row. −128 is not used: the range is symmetric. */
export const LARGEST_INT8 = 127;
const ROWS_AT_ONCE = 64;

/** How the integers lie: "columns" is [in, out], as integer kernels read them; "rows" is [out, in], as the weight itself. */
export type Int8Layout = 'columns' | 'rows';

/** An eight-bit weight. */
export interface Int8Weight {
  /** [out, in] of the weight that it stands for. */
  readonly shape: readonly [out: number, input: number];
  readonly layout: Int8Layout;
  /** round(W / scale); unsigned ones have 128 added. */
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

/** How a weight is kept. */
export interface Int8Options {
  readonly signed?: boolean;
  readonly shared?: boolean;
  readonly layout?: Int8Layout;
}

/**
 * Rounds a weight [out, in] to eight bits, each output's row by its own largest number (absmax).
 *
 * @param options.signed Whether the integers have a sign. Default true.
 * @param options.shared Puts the result on shared memory. Default false.
 * @param options.layout Default "columns".
 * @throws RangeError when the weight is no matrix of these sizes.
 */
export function int8Weight(
  weight: Float32Array,
  [out, input]: readonly [out: number, input: number],
  { signed = true, shared = false, layout = 'columns' }: Int8Options = {},
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
  const [down, across] = layout === 'rows' ? [input, 1] : [1, out];
  // By few rows at a time, so that neither what is read nor what is written leaves the processor's cache between two uses.
  for (let first = 0; first < out; first += ROWS_AT_ONCE) {
    const end = Math.min(out, first + ROWS_AT_ONCE);
    for (let i = 0; i < input; i++)
      for (let row = first; row < end; row++)
        values[row * down + i * across] =
          Math.round((weight[row * input + i] ?? 0) / (scales[row] ?? 1)) + zero;
  }
  return { shape: [out, input], layout, values, scales };
}
