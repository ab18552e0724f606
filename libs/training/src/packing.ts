// Packing: sequences of different lengths share rows of one length, so that little of a step is padding; sequences with the same prompt
// share it, where a row has room for several of them. Attention is kept within each sequence: a row is a forest, each prompt a trunk with
// its completions as branches, which attend to the trunk and to themselves. Positions are those of each sequence alone.
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
/** Row lengths that are considered, in longest sequences: longer rows let more completions share a prompt. */
const LENGTHS = [1, 1.25, 1.5, 2, 3, 4, 6, 8];

/** Where a sequence lies: its prompt, which others may share, and its completion. */
interface Place {
  readonly row: number;
  /** Start of the prompt in the row. */
  readonly trunk: number;
  /** Start of the completion in the row. */
  readonly branch: number;
}

interface Row {
  used: number;
  /** Start of each prompt that lies in the row. */
  readonly trunks: Map<string, number>;
}

const promptOf = ({ tokens, promptLength }: Sequence): string => tokens.subarray(0, promptLength).join();

/** Sequences with the same prompt next to each other, those with long members first, each from the longest to the shortest. */
function inOrder(sequences: readonly Sequence[]): { index: number; prompt: string }[] {
  const lengthOf = (index: number): number => sequences[index]?.tokens.length ?? 0;
  const keyed = sequences.map((sequence, index) => ({ index, prompt: promptOf(sequence) }));
  const groups = [...Map.groupBy(keyed, ({ prompt }) => prompt).values()].map((group) =>
    group.sort((a, b) => lengthOf(b.index) - lengthOf(a.index) || a.index - b.index),
  );
  const first = (group: typeof keyed): number => group[0]?.index ?? 0;
  return groups.sort((a, b) => lengthOf(first(b)) - lengthOf(first(a)) || first(a) - first(b)).flat();
}

/** Where each sequence goes: beside its prompt if a row that holds it has room, else into the first row that has. */
function assignPlaces(
  sequences: readonly Sequence[],
  ordered: readonly { index: number; prompt: string }[],
  length: number,
): { places: Place[]; rows: number } {
  const rows: Row[] = [];
  const places = new Array<Place>(sequences.length);
  for (const { index, prompt } of ordered) {
    const sequence = sequences[index];
    if (!sequence) continue;
    const own = completionLength(sequence);
    const free = (row: Row): number => length - row.used;
    let at = rows.findIndex((row) => row.trunks.has(prompt) && free(row) >= own);
    if (at < 0) at = rows.findIndex((row) => free(row) >= sequence.tokens.length);
    if (at < 0) at = rows.push({ used: 0, trunks: new Map() }) - 1;
    const row = rows[at];
    if (!row) continue;
    let trunk = row.trunks.get(prompt);
    if (trunk === undefined) {
      trunk = row.used;
      row.trunks.set(prompt, trunk);
      row.used += sequence.promptLength;
    }
    places[index] = { row: at, trunk, branch: row.used };
    row.used += own;
  }
  return { places, rows: rows.length };
}

/** The largest of numbers, 0 for none; there may be more of them than a call takes arguments. */
function most<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((largest, item) => Math.max(largest, count(item)), 0);
}

/**
 * The shape in which the given steps cost least, among those that hold every one of them.
 *
 * @param costlyKeys Attending to this many tokens costs as much as all else that is done for a token.
 */
export function batchShape(steps: readonly (readonly Sequence[])[], costlyKeys = Infinity): BatchShape {
  const ordered = steps.map((sequences) => ({ sequences, order: inOrder(sequences) }));
  const longest = most(steps, (sequences) => most(sequences, ({ tokens }) => tokens.length));
  const shared = ordered.some(({ order }) => new Set(order.map(({ prompt }) => prompt)).size < order.length);
  let best = { cost: Infinity, rows: 0, length: 0 };
  for (const factor of shared ? LENGTHS : [1]) {
    const length = Math.ceil((factor * longest) / LENGTH_STEP) * LENGTH_STEP;
    const rows = most(ordered, ({ sequences, order }) => assignPlaces(sequences, order, length).rows);
    const cost = rows * length * (1 + length / costlyKeys);
    if (cost < best.cost) best = { cost, rows, length };
  }
  return {
    rows: best.rows,
    length: best.length,
    targets: most(steps, (sequences) =>
      sequences.reduce((sum, sequence) => sum + completionLength(sequence), 0),
    ),
    sequences: most(steps, (sequences) => sequences.length),
  };
}

/** A batch's tensors: names, element types and shapes; see `packBatch` for their meaning. */
export function batchSpecs({ rows, length, targets, sequences }: BatchShape) {
  return {
    tokens: { dtype: 'int32', shape: [rows, length] },
    positions: { dtype: 'int32', shape: [rows, length] },
    trees: { dtype: 'int32', shape: [rows, length] },
    branches: { dtype: 'int32', shape: [rows, length] },
    target_rows: { dtype: 'int32', shape: [targets] },
    target_tokens: { dtype: 'int32', shape: [targets] },
    target_sequences: { dtype: 'int32', shape: [targets] },
    sequence_tokens: { dtype: 'float32', shape: [sequences] },
  } as const;
}

/**
 * Lays sequences into a batch of the given shape.
 *
 * - `tokens`, `positions`: [rows, length]; `trees`: the prompt that a token belongs to, 0 for padding; `branches`: the sequence
 *   whose completion it is part of, from 1, or 0 for a prompt.
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
  const { places, rows } = assignPlaces(sequences, inOrder(sequences), shape.length);
  const targets = sequences.reduce((sum, sequence) => sum + completionLength(sequence), 0);
  const tooLong = sequences.some(({ tokens }) => tokens.length > shape.length);
  if (tooLong || rows > shape.rows || targets > shape.targets || sequences.length > shape.sequences) {
    throw new RangeError(
      `${sequences.length} sequences with ${targets} targets in ${rows} rows do not fit ${JSON.stringify(shape)}`,
    );
  }
  const tokens = new Int32Array(shape.rows * shape.length);
  const positions = new Int32Array(tokens.length);
  const trees = new Int32Array(tokens.length);
  const branches = new Int32Array(tokens.length);
  const targetRows = new Int32Array(shape.targets);
  const targetTokens = new Int32Array(shape.targets);
  const targetSequences = new Int32Array(shape.targets).fill(-1);
  const sequenceTokens = new Float32Array(shape.sequences).fill(1);
  let target = 0;
  for (const [index, sequence] of sequences.entries()) {
    const { promptLength } = sequence;
    const place = places[index];
    if (!place) continue;
    const trunk = place.row * shape.length + place.trunk;
    const branch = place.row * shape.length + place.branch;
    // A prompt is laid down again by each sequence that shares it, to the same effect; a tree's number is that of its place.
    const at = (position: number): number =>
      position < promptLength ? trunk + position : branch + position - promptLength;
    for (const [position, token] of sequence.tokens.entries()) {
      tokens[at(position)] = token;
      positions[at(position)] = position;
      trees[at(position)] = trunk + 1;
      branches[at(position)] = position < promptLength ? 0 : index + 1;
    }
    for (let position = promptLength; position < sequence.tokens.length; position++, target++) {
      targetRows[target] = at(position - 1);
      targetTokens[target] = sequence.tokens[position] ?? 0;
      targetSequences[target] = index;
    }
    sequenceTokens[index] = completionLength(sequence);
  }
  return {
    tokens: hostTensor(specs.tokens, tokens),
    positions: hostTensor(specs.positions, positions),
    trees: hostTensor(specs.trees, trees),
    branches: hostTensor(specs.branches, branches),
    target_rows: hostTensor(specs.target_rows, targetRows),
    target_tokens: hostTensor(specs.target_tokens, targetTokens),
    target_sequences: hostTensor(specs.target_sequences, targetSequences),
    sequence_tokens: hostTensor(specs.sequence_tokens, sequenceTokens),
  };
}
