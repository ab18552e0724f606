// Packing: sequences of different lengths share rows of one length, so that little of a step is padding. Attention is
// kept within each sequence by segment numbers, and positions start at 0 in each.
import { type HostTensor, hostTensor } from '@overtone/tensor';
import { completionLength, type Sequence } from './sequence.ts';

/** The static shape of a packed batch; one program is compiled for each. */
export interface BatchShape {
  /** Rows. */
  readonly rows: number;
  /** Tokens in a row. */
  readonly length: number;
  /** Places for completion tokens, over all rows. */
  readonly targets: number;
  /** Places for sequences. */
  readonly sequences: number;
}

/** Row lengths are multiples of this many tokens, so that few shapes occur. */
const LENGTH_STEP = 16;

/** Where each sequence goes: first fit, longest first. Ties keep the order given. */
function assignRows(lengths: readonly number[], rowLength: number): { rowOf: number[]; rows: number } {
  const order = lengths
    .map((_, index) => index)
    .sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b);
  const free: number[] = [];
  const rowOf = new Array<number>(lengths.length).fill(0);
  for (const index of order) {
    const length = lengths[index] ?? 0;
    let row = free.findIndex((space) => space >= length);
    if (row < 0) row = free.push(rowLength) - 1;
    free[row] = (free[row] ?? 0) - length;
    rowOf[index] = row;
  }
  return { rowOf, rows: free.length };
}

/** The smallest shape that holds every one of the given steps. */
export function batchShape(steps: readonly (readonly Sequence[])[]): BatchShape {
  let longest = 0;
  for (const sequences of steps)
    for (const { tokens } of sequences) longest = Math.max(longest, tokens.length);
  const length = Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP;
  let shape: BatchShape = { rows: 0, length, targets: 0, sequences: 0 };
  for (const sequences of steps) {
    const lengths = sequences.map(({ tokens }) => tokens.length);
    const targets = sequences.reduce((sum, sequence) => sum + completionLength(sequence), 0);
    shape = {
      rows: Math.max(shape.rows, assignRows(lengths, length).rows),
      length,
      targets: Math.max(shape.targets, targets),
      sequences: Math.max(shape.sequences, sequences.length),
    };
  }
  return shape;
}

/** A batch's tensors: names, element types and shapes; see `packBatch` for their meaning. */
export function batchSpecs({ rows, length, targets, sequences }: BatchShape) {
  return {
    tokens: { dtype: 'int32', shape: [rows, length] },
    positions: { dtype: 'int32', shape: [rows, length] },
    segments: { dtype: 'int32', shape: [rows, length] },
    target_rows: { dtype: 'int32', shape: [targets] },
    target_tokens: { dtype: 'int32', shape: [targets] },
    target_sequences: { dtype: 'int32', shape: [targets] },
    sequence_tokens: { dtype: 'float32', shape: [sequences] },
  } as const;
}

/**
 * Lays sequences into a batch of the given shape.
 *
 * - `tokens`, `positions`, `segments`: [rows, length]; segment 0 is padding.
 * - `target_rows`: index into rows · length of the hidden state that predicts each completion token;
 *   `target_tokens`: that token; `target_sequences`: its sequence, −1 for an unused place.
 * - `sequence_tokens`: completion tokens of each sequence, 1 for an unused place.
 *
 * @throws {RangeError} when the sequences do not fit the shape.
 */
export function packBatch(
  sequences: readonly Sequence[],
  shape: BatchShape,
): Record<keyof ReturnType<typeof batchSpecs>, HostTensor> {
  const specs = batchSpecs(shape);
  const { rowOf, rows } = assignRows(
    sequences.map(({ tokens }) => tokens.length),
    shape.length,
  );
  const targets = sequences.reduce((sum, sequence) => sum + completionLength(sequence), 0);
  if (rows > shape.rows || targets > shape.targets || sequences.length > shape.sequences) {
    throw new RangeError(
      `${sequences.length} sequences with ${targets} targets in ${rows} rows do not fit ${JSON.stringify(shape)}`,
    );
  }
  const tokens = new Int32Array(shape.rows * shape.length);
  const positions = new Int32Array(tokens.length);
  const segments = new Int32Array(tokens.length);
  const targetRows = new Int32Array(shape.targets);
  const targetTokens = new Int32Array(shape.targets);
  const targetSequences = new Int32Array(shape.targets).fill(-1);
  const sequenceTokens = new Float32Array(shape.sequences).fill(1);
  const filled = new Int32Array(shape.rows);
  let target = 0;
  for (const [index, sequence] of sequences.entries()) {
    const row = rowOf[index] ?? 0;
    const start = row * shape.length + (filled[row] ?? 0);
    tokens.set(sequence.tokens, start);
    for (let position = 0; position < sequence.tokens.length; position++) {
      positions[start + position] = position;
      segments[start + position] = index + 1;
    }
    for (let position = sequence.promptLength; position < sequence.tokens.length; position++, target++) {
      targetRows[target] = start + position - 1;
      targetTokens[target] = sequence.tokens[position] ?? 0;
      targetSequences[target] = index;
    }
    filled[row] = (filled[row] ?? 0) + sequence.tokens.length;
    sequenceTokens[index] = completionLength(sequence);
  }
  return {
    tokens: hostTensor(specs.tokens, tokens),
    positions: hostTensor(specs.positions, positions),
    segments: hostTensor(specs.segments, segments),
    target_rows: hostTensor(specs.target_rows, targetRows),
    target_tokens: hostTensor(specs.target_tokens, targetTokens),
    target_sequences: hostTensor(specs.target_sequences, targetSequences),
    sequence_tokens: hostTensor(specs.sequence_tokens, sequenceTokens),
  };
}
