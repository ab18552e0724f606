import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  causalBias,
  decode,
  headLogits,
  initialParameters,
  linearOf,
  parseDecoderConfig,
} from '@overtone/language-model';
import { type HostTensor } from '@overtone/tensor';
import { batchShape, packBatch } from './packing.ts';
import { packedCompletions } from './packed-logprobs.ts';
import { completionLength, type Sequence } from './sequence.ts';

const VOCABULARY = 19;
const sequence = fc
  .array(fc.integer({ min: 1, max: VOCABULARY - 1 }), { minLength: 2, maxLength: 30 })
  .chain((tokens) =>
    fc
      .integer({ min: 1, max: tokens.length - 1 })
      .map((promptLength): Sequence => ({ tokens: Int32Array.from(tokens), promptLength })),
  );
/** Sequences of which some have the same prompt. */
const siblings = fc
  .tuple(fc.array(sequence, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(2), { maxLength: 6 }))
  .chain(([roots, copies]) =>
    fc
      .tuple(
        ...copies.map(() =>
          fc.array(fc.integer({ min: 1, max: VOCABULARY - 1 }), { minLength: 1, maxLength: 9 }),
        ),
      )
      .map((completions: number[][]) => [
        ...roots,
        ...completions.map((completion, index): Sequence => {
          const { tokens, promptLength } = roots[(copies[index] ?? 0) % roots.length] ?? roots[0] ?? EMPTY;
          return {
            tokens: Int32Array.from([...tokens.subarray(0, promptLength), ...completion]),
            promptLength,
          };
        }),
      ]),
  );
const EMPTY: Sequence = { tokens: Int32Array.of(1, 1), promptLength: 1 };
const batches = fc.array(siblings, { minLength: 1, maxLength: 4 });

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const integers = (tensor: HostTensor): number[] => Array.from(tensor.data as Int32Array);

describe('packing', () => {
  it('lays every completion down once after its prompt, with the positions of the sequence, and targets at its predecessors', () => {
    fc.assert(
      fc.property(batches, fc.constantFrom(5, Infinity), (steps, costlyKeys) => {
        const shape = batchShape(steps, costlyKeys);
        for (const sequences of steps) {
          const packed = packBatch(sequences, shape);
          expect(packed.tokens.dims).toEqual([shape.rows, shape.length]);
          const [tokens, positions, trees, branches] = [
            packed.tokens,
            packed.positions,
            packed.trees,
            packed.branches,
          ].map(integers);
          const where = (test: (at: number) => boolean): number[] =>
            [...(tokens ?? []).keys()].filter((at) => test(at));
          const rowOf = (at: number): number => Math.floor(at / shape.length);
          const layouts = sequences.map(({ promptLength }, index) => {
            const branch = where((at) => branches?.[at] === index + 1);
            const tree = trees?.[branch[0] ?? -1];
            const trunk = where((at) => trees?.[at] === tree && branches?.[at] === 0);
            expect(trunk).toHaveLength(promptLength);
            return [...trunk, ...branch];
          });
          const targets = sequences.flatMap(({ tokens: own, promptLength }, index) => {
            const layout = layouts[index] ?? [];
            expect(layout.map((at) => tokens?.[at])).toEqual(Array.from(own));
            expect(layout.map((at) => positions?.[at])).toEqual(Array.from(own.keys()));
            expect(new Set(layout.map(rowOf)).size).toBe(1);
            // Causal attention looks at what lies before in the row.
            expect(layout).toEqual([...layout].sort((x, y) => x - y));
            return Array.from(own.subarray(promptLength), (token, offset) => ({
              row: layout[promptLength + offset - 1],
              token,
              sequence: index,
            }));
          });
          const targetRows = integers(packed.target_rows);
          const targetTokens = integers(packed.target_tokens);
          const places = integers(packed.target_sequences).map((place, index) => ({
            row: targetRows[index],
            token: targetTokens[index],
            sequence: place,
          }));
          expect(places.filter((place) => place.sequence >= 0)).toEqual(targets);
          expect(Array.from(packed.sequence_tokens.data as Float32Array)).toEqual(
            Array.from({ length: shape.sequences }, (_, index) => {
              const own = sequences[index];
              return own ? completionLength(own) : 1;
            }),
          );
        }
      }),
    );
  });

  it('lets the completions of a long prompt share it, where that costs less', () => {
    const group = (prompt: number, completion: number): Sequence[] =>
      Array.from({ length: 8 }, (_, index) => ({
        tokens: Int32Array.from([
          ...new Array<number>(prompt).fill(3),
          ...new Array<number>(completion).fill(index),
        ]),
        promptLength: prompt,
      }));
    const { rows, length } = batchShape([group(100, 12)]);
    expect(rows * length).toBeLessThan(300);
    expect(batchShape([group(20, 80)]).length).toBeGreaterThan(112);
    // Where attention is dear, rows stay short.
    expect(batchShape([group(20, 80)], 20).length).toBe(112);
  });

  it('finds a shape for a hundred thousand steps', () => {
    const step = [{ tokens: Int32Array.of(1, 2, 3), promptLength: 1 }];
    expect(batchShape(new Array<Sequence[]>(100_000).fill(step))).toEqual({
      rows: 1,
      length: 16,
      targets: 2,
      sequences: 1,
    });
  });

  it('needs no more rows than sequences, and refuses what does not fit', () => {
    const short = (length: number): Sequence => ({ tokens: new Int32Array(length), promptLength: 1 });
    expect(batchShape([[short(16), short(8), short(8), short(4)]])).toEqual({
      rows: 3,
      length: 16,
      targets: 32,
      sequences: 4,
    });
    const shape = batchShape([[short(16)]]);
    expect(() => packBatch([short(16), short(16)], shape)).toThrow(RangeError);
    expect(() => packBatch([short(8), short(8)], shape)).toThrow(/2 sequences .* do not fit/);
  });
});

describe('packed log-probabilities', () => {
  const config = parseDecoderConfig({
    architectures: ['Qwen3ForCausalLM'],
    vocab_size: VOCABULARY,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 4,
    max_position_embeddings: 64,
    tie_word_embeddings: true,
    initializer_range: 0.5,
  });
  const parameters = initialParameters(config, 7);
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });
  const weights = (): Record<string, tf.Tensor> =>
    Object.fromEntries([...parameters].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]));

  /** log p(token | tokens before it) and the entropy there, of the completion's tokens, from the logits of the sequence alone. */
  function alone({ tokens, promptLength }: Sequence): { logprobs: number[]; entropies: number[] } {
    return tf.tidy(() => {
      const own = weights();
      const length = tokens.length;
      const { hidden } = decode(config, own, linearOf(own), {
        tokens: tf.tensor2d(tokens, [1, length], 'int32'),
        positions: tf.tensor2d(Int32Array.from(tokens.keys()), [1, length], 'int32'),
        bias: causalBias(length),
      });
      const rows = tf.logSoftmax(headLogits(config, own, hidden)).arraySync();
      const predicting = rows.slice(promptLength - 1, length - 1);
      return {
        logprobs: predicting.map((row, at) => row[tokens[promptLength + at] ?? 0] ?? NaN),
        entropies: predicting.map((row) => -row.reduce((sum, value) => sum + Math.exp(value) * value, 0)),
      };
    });
  }

  it('are those of each sequence alone, whatever shares its row', () => {
    fc.assert(
      fc.property(siblings, fc.nat(3), (sequences, spare) => {
        const shape = batchShape([sequences]);
        const roomier = { ...shape, rows: shape.rows + 1, sequences: shape.sequences + spare };
        const packed = tf.tidy(() => {
          const own = weights();
          const batch = Object.fromEntries(
            Object.entries(packBatch(sequences, roomier)).map(([name, { data, dims, type }]) => [
              name,
              tf.tensor(data as Float32Array | Int32Array, [...dims], type === 'int32' ? 'int32' : 'float32'),
            ]),
          );
          const all = packedCompletions(config, own, linearOf(own), batch);
          return {
            sums: Array.from(all.logprobs.dataSync()),
            tokens: Array.from(all.tokens.dataSync()),
            count: all.count.dataSync()[0],
            entropy: all.entropy().dataSync()[0],
          };
        });
        const expected = sequences.map(alone);
        const ofTokens = expected.flatMap(({ logprobs }) => logprobs);
        ofTokens.forEach((value, index) => expect(packed.tokens[index]).toBeCloseTo(value, 4));
        expected.forEach(({ logprobs }, index) => expect(packed.sums[index]).toBeCloseTo(sum(logprobs), 3));
        expect(packed.sums.slice(sequences.length)).toEqual(new Array<number>(spare).fill(0));
        expect(packed.count).toBe(ofTokens.length);
        const entropy = sum(expected.flatMap(({ entropies }) => entropies)) / ofTokens.length;
        expect(Math.abs((packed.entropy ?? NaN) - entropy)).toBeLessThan(1e-4);
      }),
      { numRuns: 12 },
    );
  });
});
