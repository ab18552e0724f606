// The computation of prompts: whole blocks once for all prompts that share them, then what is left of each prompt. A prompt is cut in
// the same way whatever else is computed, so that its numbers do not depend on it.
import { setImmediate } from 'node:timers/promises';
import { type DecoderConfig } from '@overtone/language-model';
import { type HostTensor } from '@overtone/tensor';
import { type DecodePrograms } from './decode-programs.ts';
import { type Distribution, readDistributions } from './distribution.ts';
import { noted } from './engine-work.ts';
import { type HostWeights } from './host-parameters.ts';
import { PREFIX_BLOCK, type PrefixBlock, PrefixCache } from './prefix-cache.ts';
import { bytesPerPosition, capacityFor, type Segment, segmentOf, SlotCache } from './slot-cache.ts';

/** Pieces of prompts computed at once, at most. */
export const PREFILL_BATCH = 8;
/** What is left of a prompt is padded to a multiple of this. */
export const TAIL_STEP = 32;
/** Fewer rows than this take another path through the matrix product, with other last bits. */
const FEWEST_ROWS = 8;

/** A prompt, computed. */
export interface Prefilled {
  /** Keys and values of all of its tokens. */
  readonly segments: readonly Segment[];
  /** Of the token that follows. */
  readonly distribution: Distribution;
}

/** Pieces of the same shape. */
interface Piece {
  readonly tokens: readonly number[];
  /** What lies before the piece. */
  readonly before: readonly Segment[];
}

const lengthOf = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { positions }) => sum + positions, 0);

/** Computes prompts. Calls may overlap. */
export class Prefill {
  private readonly config: DecoderConfig;
  private readonly padTokenId: number;
  private readonly programs: DecodePrograms;
  private readonly cache: PrefixCache;

  /** @param bytes Memory for blocks that later prompts may begin with. */
  constructor(config: DecoderConfig, padTokenId: number, programs: DecodePrograms, bytes: number) {
    this.config = config;
    this.padTokenId = padTokenId;
    this.programs = programs;
    this.cache = new PrefixCache(Math.floor(bytes / (PREFIX_BLOCK * bytesPerPosition(config))));
  }

  /** Keeps no blocks under these weights any more. */
  forget(weights: HostWeights): void {
    this.cache.forget(weights);
  }

  /**
   * Keys and values of the full blocks at the beginning of every prompt, computed where they are not known yet. The last token
   * of a prompt is never among them.
   */
  async prefixes(
    weights: HostWeights,
    prompts: readonly (readonly number[])[],
    signal?: AbortSignal,
  ): Promise<Segment[][]> {
    const paths = this.cache.paths(weights, prompts);
    // Held here, since another call may make the cache drop a block before this one is done with it.
    const segments = new Map<PrefixBlock, Segment>();
    const before = (path: readonly PrefixBlock[], depth: number): Segment[] =>
      path.slice(0, depth).map((block) => {
        const segment = segments.get(block);
        if (!segment) throw new Error('A block of a prompt was not computed');
        return segment;
      });
    const deepest = Math.max(0, ...paths.map((path) => path.length));
    for (let depth = 0; depth < deepest; depth++) {
      const missing = new Map<PrefixBlock, Piece>();
      for (const path of paths) {
        const block = path[depth];
        if (block?.segment) segments.set(block, block.segment);
        else if (block) missing.set(block, { tokens: block.tokens, before: before(path, depth) });
      }
      for (const batch of batches([...missing])) {
        const pieces = batch.map(([, piece]) => piece);
        const outputs = await this.run(weights, pieces, PREFIX_BLOCK, undefined, signal);
        for (const [sequence, [block]] of batch.entries()) {
          block.segment = segmentOf(this.config, outputs, sequence, PREFIX_BLOCK, PREFIX_BLOCK);
          segments.set(block, block.segment);
          this.cache.keep(block);
        }
      }
    }
    return paths.map((path) => {
      const found = before(path, path.length);
      this.cache.touch(path);
      return found;
    });
  }

  /**
   * Computes prompts, in any order.
   *
   * @param temperature Of the distributions' masses.
   */
  async *prompts(
    weights: HostWeights,
    prompts: readonly (readonly number[])[],
    temperature: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Prefilled & { readonly index: number }> {
    const pieces = (await this.prefixes(weights, prompts, signal)).map((before, index) => ({
      index,
      before,
      tokens: prompts[index]?.slice(lengthOf(before)) ?? [],
    }));
    const byShape = Map.groupBy(pieces, ({ tokens, before }) =>
      [Math.ceil(tokens.length / TAIL_STEP) * TAIL_STEP, lengthOf(before)].join(),
    );
    for (const group of byShape.values()) {
      const length = Math.ceil((group[0]?.tokens.length ?? 1) / TAIL_STEP) * TAIL_STEP;
      for (const batch of batches(group)) {
        const outputs = await this.run(weights, batch, length, temperature, signal);
        const distribution = readDistributions(outputs, this.config.vocabSize);
        for (const [sequence, { index, tokens, before }] of batch.entries()) {
          const tail = segmentOf(this.config, outputs, sequence, length, tokens.length);
          yield { index, segments: [...before, tail], distribution: distribution(sequence) };
        }
      }
    }
  }

  /** Runs pieces padded to `length`, with what lies before them; with a temperature, their last tokens' distributions as well. */
  private async run(
    weights: HostWeights,
    pieces: readonly Piece[],
    length: number,
    temperature: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, HostTensor>> {
    await setImmediate();
    signal?.throwIfAborted();
    const batch = 2 ** Math.ceil(Math.log2(pieces.length));
    const past = Math.max(...pieces.map(({ before }) => lengthOf(before)));
    const capacity = past === 0 ? 0 : capacityFor(past);
    const tokens = new Int32Array(batch * length).fill(this.padTokenId);
    const positions = new Int32Array(batch * length);
    const rows = new Int32Array(temperature === undefined ? 0 : Math.max(batch, FEWEST_ROWS));
    const cache = capacity === 0 ? undefined : new SlotCache(this.config, batch, capacity);
    for (const [sequence, piece] of pieces.entries()) {
      tokens.set(piece.tokens, sequence * length);
      const start = lengthOf(piece.before);
      for (let at = 0; at < length; at++) positions[sequence * length + at] = start + at;
      if (rows.length > 0) rows[sequence] = sequence * length + piece.tokens.length - 1;
      let position = 0;
      for (const segment of piece.before) {
        cache?.write(segment, sequence, position);
        position += segment.positions;
      }
    }
    const shape = { batch, length, capacity, rows: rows.length };
    const feeds = { ...cache?.feeds, tokens, positions, rows };
    const size = {
      phase: 'prefill',
      tokens: pieces.reduce((sum, piece) => sum + piece.tokens.length, 0),
      used: pieces.length,
      places: batch,
    } as const;
    return noted(size, () => this.programs.run(weights, shape, temperature ?? 1, feeds));
  }
}

function* batches<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let first = 0; first < items.length; first += PREFILL_BATCH)
    yield items.slice(first, first + PREFILL_BATCH);
}
