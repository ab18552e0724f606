// Teacher-forced scoring: log-probability and entropy of every token of given texts. Texts that share a beginning are one
// tree: the beginning is computed once, and each branch attends to it and to itself. What several prompts begin with is computed
// once for all of them.
import { setImmediate } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import {
  causalBias,
  decode,
  headLogits,
  headParameter,
  HIDDEN,
  linearOf,
  parameterSpecs,
  withLora,
  type DecoderConfig,
  type LoraConfig,
} from '@overtone/language-model';
import {
  entropies,
  float32,
  type Graph,
  hostTensor,
  type Hardware,
  type HostTensor,
  Program,
  type ProgramOptions,
  tokenLogprobs,
  trace,
  type TensorSpec,
} from '@overtone/tensor';
import { weightSpecs } from './decode-program.ts';
import { DecodePrograms } from './decode-programs.ts';
import { noted } from './engine-work.ts';
import { type HostWeights } from './host-parameters.ts';
import { Identities } from './identities.ts';
import { Prefill } from './prefill.ts';
import { ProgramCache } from './program-cache.ts';
import { SamplingInputError } from './sampling-error.ts';
import { cacheName, cacheSpecs, capacityFor, type Segment, SlotCache } from './slot-cache.ts';

/** A prompt and the texts that may follow it. */
export interface ScoringItem {
  readonly prompt: readonly number[];
  /** Each is scored as what follows the prompt. */
  readonly continuations: readonly (readonly number[])[];
}

/** Scores of one continuation, one number a token, nats. */
export interface ContinuationScore {
  readonly logprobs: number[];
  readonly entropies: number[];
}

/** Settings. None changes the scores but for their last bits. */
export interface TeacherForcingOptions {
  /** Threads within an operator. Default 1. */
  readonly threads?: number;
  /** What programs run on, and in which precision. Default: the CPU, float32. Another gives slightly other scores. */
  readonly hardware?: Hardware;
  /** Computes what prompts begin with, for instance that of a sampler of the same model. Default: one of its own. */
  readonly prefill?: Prefill;
}

/** About this many tokens are scored in one run. */
export const TOKENS_PER_RUN = 2048;
/** Row lengths are multiples of this. */
export const LENGTH_STEP = 32;
/** Fewest places for scored tokens in a program. */
const SMALLEST_PLACES = 32;
/** Logits held at once: more places are computed in pieces. */
const LOGITS_AT_ONCE = 2 ** 23;
/** Programs kept of each kind: a few lengths, each with a few numbers of rows; and a few numbers of places. */
const PROGRAMS = 24;
/** Memory for what prompts begin with, when it is not shared with a sampler, bytes. */
const PREFIX_BYTES = 2 ** 28;

/** An item laid out as one row after its prefix: what all continuations share, then each one's own branch. */
interface Row {
  readonly prefix: readonly Segment[];
  readonly prefixLength: number;
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  /** 0 for the shared part, from 1 for the branches. */
  readonly branches: Int32Array;
  /** For each scored token: where its distribution is computed in the row. */
  readonly targets: { at: number; token: number }[];
  /** For each continuation, indices into `targets`. */
  readonly members: number[][];
}

function commonLength(lists: readonly (readonly number[])[]): number {
  const [first = []] = lists;
  const differs = first.findIndex((token, index) => lists.some((list) => list[index] !== token));
  return differs < 0 ? first.length : differs;
}

/** Lays out an item whose prompt begins with `prefix`. */
function layOut(item: ScoringItem, prefix: readonly Segment[]): Row {
  const { continuations } = item;
  const prefixLength = prefix.reduce((sum, { positions }) => sum + positions, 0);
  const prompt = item.prompt.slice(prefixLength);
  const shared = commonLength(continuations);
  const tokens = [...prompt, ...(continuations[0]?.slice(0, shared) ?? [])];
  const positions = tokens.map((_, index) => prefixLength + index);
  const branches = tokens.map(() => 0);
  const targets = Array.from({ length: shared }, (_, index) => ({
    at: prompt.length + index - 1,
    token: tokens[prompt.length + index] ?? 0,
  }));
  const trunk = tokens.length;
  const members = continuations.map((continuation, branch) => {
    const indices = Array.from({ length: shared }, (_, index) => index);
    const own = continuation.slice(shared);
    for (const [index, token] of own.entries()) {
      indices.push(targets.push({ at: index === 0 ? trunk - 1 : tokens.length - 1, token }) - 1);
      // The last token of a branch predicts nothing that is asked for.
      if (index === own.length - 1) break;
      tokens.push(token);
      positions.push(prefixLength + trunk + index);
      branches.push(branch + 1);
    }
    return indices;
  });
  return {
    prefix,
    prefixLength,
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(positions),
    branches: Int32Array.from(branches),
    targets,
    members,
  };
}

/** Tokens of an item that its row would hold without a prefix. */
function itemLength({ prompt, continuations }: ScoringItem): number {
  const shared = commonLength(continuations);
  return continuations.reduce(
    (sum, continuation) => sum + Math.max(0, continuation.length - shared - 1),
    prompt.length + shared,
  );
}

/** Scores texts. Runs may overlap. */
export class TeacherForcing {
  private readonly config: DecoderConfig;
  private readonly options: ProgramOptions;
  private readonly prefill: Prefill;
  private readonly own: DecodePrograms | undefined;
  private readonly bodies = new ProgramCache(PROGRAMS);
  private readonly heads = new ProgramCache(PROGRAMS);
  private readonly identities = new Identities();

  constructor(config: DecoderConfig, { threads = 1, hardware, prefill }: TeacherForcingOptions = {}) {
    this.config = config;
    this.options = { threads, ...hardware };
    if (prefill) {
      this.prefill = prefill;
    } else {
      this.own = new DecodePrograms(config, this.options);
      this.prefill = new Prefill(config, 0, this.own, PREFIX_BYTES);
    }
  }

  /**
   * Scores items; answers come in their order.
   *
   * @param weights The parameters; see `hostParameters`.
   * @throws {SamplingInputError} when a prompt or a continuation is empty, or an item exceeds the model's context.
   */
  async score(
    weights: HostWeights,
    items: readonly ScoringItem[],
    signal?: AbortSignal,
  ): Promise<ContinuationScore[][]> {
    for (const [index, item] of items.entries()) {
      if (item.prompt.length === 0 || item.continuations.some((continuation) => continuation.length === 0)) {
        throw new SamplingInputError(index, 'prompt and continuations must have at least one token each');
      }
      const length = itemLength(item);
      if (length > this.config.maxPositionEmbeddings) {
        throw new SamplingInputError(
          index,
          `prompt and continuations have ${length} tokens, the model's context is ${this.config.maxPositionEmbeddings}`,
        );
      }
    }
    const prefixes = await this.prefill.prefixes(
      weights,
      items.map(({ prompt }) => prompt),
      signal,
    );
    const rows = items.map((item, index) => layOut(item, prefixes[index] ?? []));
    const results = new Array<ContinuationScore[]>(items.length);
    const lengthOf = ({ tokens }: Row): number =>
      Math.max(1, Math.ceil(tokens.length / LENGTH_STEP)) * LENGTH_STEP;
    const byShape = Map.groupBy([...rows.entries()], ([, row]) =>
      [lengthOf(row), row.prefixLength === 0 ? 0 : capacityFor(row.prefixLength)].join(),
    );
    for (const group of byShape.values()) {
      const [first] = group;
      if (!first) continue;
      const length = lengthOf(first[1]);
      const most = Math.max(2, Math.floor(TOKENS_PER_RUN / length));
      let start = 0;
      for (const batch of batchesFor(group.length, most)) {
        await setImmediate();
        signal?.throwIfAborted();
        const chunk = group.slice(start, start + batch);
        start += batch;
        const scored = await this.run(
          weights,
          chunk.map(([, row]) => row),
          batch,
          length,
        );
        chunk.forEach(([index], place) => (results[index] = scored[place] ?? []));
      }
    }
    return results;
  }

  /** Frees all programs. */
  async dispose(): Promise<void> {
    await this.bodies.dispose();
    await this.heads.dispose();
    await this.own?.dispose();
  }

  private async run(
    weights: HostWeights,
    rows: readonly Row[],
    batch: number,
    length: number,
  ): Promise<ContinuationScore[][]> {
    const count = rows.reduce((sum, row) => sum + row.targets.length, 0);
    const places = placesFor(count);
    const past = Math.max(...rows.map(({ prefixLength }) => prefixLength));
    const capacity = past === 0 ? 0 : capacityFor(past);
    const cache = capacity === 0 ? undefined : new SlotCache(this.config, batch, capacity);
    const tokens = new Int32Array(batch * length);
    const positions = new Int32Array(batch * length);
    const branches = new Int32Array(batch * length).fill(-1);
    const targetRows = new Int32Array(places);
    const targetTokens = new Int32Array(places);
    let place = 0;
    for (const [index, row] of rows.entries()) {
      tokens.set(row.tokens, index * length);
      positions.set(row.positions, index * length);
      branches.set(row.branches, index * length);
      let position = 0;
      for (const segment of row.prefix) {
        cache?.write(segment, index, position);
        position += segment.positions;
      }
      for (const { at, token } of row.targets) {
        targetRows[place] = index * length + at;
        targetTokens[place++] = token;
      }
    }
    const shape: ScoringShape = { batch, length, capacity };
    const size = { phase: 'score', tokens: count, used: rows.length, places: batch } as const;
    const { logprobs, entropies: spread } = await noted(size, async () => {
      const hidden = await this.hidden(weights, shape, { ...cache?.feeds }, { tokens, positions, branches });
      return this.scores(weights, gathered(hidden, targetRows, this.config.hiddenSize), targetTokens);
    });
    if (!logprobs || !spread) throw new Error('The scoring program returned no scores');
    const logprobValues = float32(logprobs);
    const entropyValues = float32(spread);
    let start = 0;
    return rows.map((row) => {
      const from = start;
      start += row.targets.length;
      return row.members.map((member) => ({
        logprobs: member.map((index) => logprobValues[from + index] ?? 0),
        entropies: member.map((index) => entropyValues[from + index] ?? 0),
      }));
    });
  }

  /** Hidden states of all tokens, [batch · length, hiddenSize]. */
  private async hidden(
    weights: HostWeights,
    shape: ScoringShape,
    cache: Readonly<Record<string, HostTensor>>,
    feeds: Readonly<Record<string, Int32Array>>,
  ): Promise<Float32Array> {
    const { hidden } = await this.bodies.run(
      JSON.stringify([shape, weights.lora, this.identities.of(weights.resident)]),
      () => this.compile(traceBody(this.config, weights.lora, shape), weights),
      (program) => {
        const tensors: Record<string, HostTensor> = { ...weights.tensors, ...cache };
        for (const [name, data] of Object.entries(feeds)) {
          const spec = program.inputs.get(name);
          if (spec) tensors[name] = hostTensor(spec, data);
        }
        return tensors;
      },
    );
    if (!hidden) throw new Error('The scoring program returned no hidden states');
    return float32(hidden);
  }

  /** Log-probabilities of targets, and the entropies of their distributions, from hidden states. */
  private scores(
    weights: HostWeights,
    hidden: Float32Array,
    targets: Int32Array,
  ): Promise<Record<string, HostTensor>> {
    const places = targets.length;
    return this.heads.run(
      JSON.stringify([places, this.identities.of(weights.resident)]),
      () => this.compile(traceHead(this.config, places), weights),
      () => ({
        ...weights.tensors,
        hidden: hostTensor({ dtype: 'float32', shape: [places, this.config.hiddenSize] }, hidden),
        targets: hostTensor({ dtype: 'int32', shape: [places] }, targets),
      }),
    );
  }

  private compile(graph: Graph, { resident }: HostWeights): Promise<Program> {
    return Program.compile(graph, { ...this.options, resident });
  }
}

/** Some of the rows of a matrix, one after the other. */
function gathered(matrix: Float32Array, rows: Int32Array, width: number): Float32Array {
  const result = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries())
    result.set(matrix.subarray(row * width, (row + 1) * width), index * width);
  return result;
}

/**
 * Sizes of the batches for `count` rows: whole ones of `most`, then powers of two, so that few programs serve all counts. The last may
 * have more places than rows are left, an eighth of all at most: a run of their own would take longer.
 */
export function batchesFor(count: number, most: number): number[] {
  const batches: number[] = [];
  for (let left = count; left > 0;) {
    const power = 2 ** Math.ceil(Math.log2(Math.max(2, left)));
    const above = Math.min(most, power);
    const batch = above <= left || above - left <= count / 8 || power === 2 ? above : power / 2;
    batches.push(batch);
    left -= batch;
  }
  return batches;
}

/** Places for `count` scored tokens: powers of two and the numbers halfway between, so that few programs serve all counts. */
export function placesFor(count: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(count, SMALLEST_PLACES)));
  return count <= 0.75 * power && power > SMALLEST_PLACES ? 0.75 * power : power;
}

/** The static shape of the program that computes hidden states. How many tokens are scored is the head's alone: shapes add up, not multiply. */
export interface ScoringShape {
  readonly batch: number;
  readonly length: number;
  /** Cached positions of each row; 0 for none. */
  readonly capacity: number;
}

/** Takes a program's inputs by name. */
function inputsOf(inputs: Readonly<Record<string, tf.Tensor>>): (name: string) => tf.Tensor {
  return (name) => {
    const found = inputs[name];
    if (!found) throw new Error(`The scoring program has no input ${name}`);
    return found;
  };
}

/** Traces the program of hidden states, [batch · length, hiddenSize]. */
export function traceBody(
  config: DecoderConfig,
  lora: LoraConfig | undefined,
  { batch, length, capacity }: ScoringShape,
): Graph {
  const grid: TensorSpec = { dtype: 'int32', shape: [batch, length] };
  const specs = {
    tokens: grid,
    positions: grid,
    branches: grid,
    ...(capacity > 0 ? cacheSpecs(config, batch, capacity) : {}),
    ...weightSpecs(config, lora),
  };
  return trace(specs, (inputs) => {
    const tensor = inputsOf(inputs);
    const queries = tf.reshape(tensor('branches'), [batch, 1, length, 1]);
    const keys = tf.reshape(tensor('branches'), [batch, 1, 1, length]);
    const visible = tf.logicalOr(tf.equal(keys, queries), tf.equal(keys, tf.scalar(0, 'int32')));
    const bias = tf.where<tf.Tensor4D>(visible, causalBias(length), tf.fill([1, 1, 1, 1], HIDDEN));
    const cached = (kind: 'keys' | 'values'): tf.Tensor4D[] =>
      Array.from(
        { length: config.numHiddenLayers },
        (_, layer) => tensor(cacheName(kind, layer)) as tf.Tensor4D,
      );
    const input = {
      tokens: tensor('tokens') as tf.Tensor2D,
      positions: tensor('positions') as tf.Tensor2D,
      bias,
      ...(capacity > 0
        ? {
            cache: {
              keys: cached('keys'),
              values: cached('values'),
              bias: tensor('cache_bias') as tf.Tensor4D,
            },
          }
        : {}),
    };
    const frozen = linearOf(inputs);
    const linear = lora ? withLora(frozen, lora, inputs) : frozen;
    const { hidden } = decode(config, inputs, linear, input, { positionLimit: capacity + length });
    return { hidden };
  });
}

/** Traces the program that scores `places` tokens, given the hidden states before them. */
export function traceHead(config: DecoderConfig, places: number): Graph {
  const name = headParameter(config);
  const weight = parameterSpecs(config).get(name);
  if (!weight) throw new Error(`The model has no ${name}`);
  const specs: Record<string, TensorSpec> = {
    hidden: { dtype: 'float32', shape: [places, config.hiddenSize] },
    targets: { dtype: 'int32', shape: [places] },
    [name]: weight,
  };
  return trace(specs, (inputs) => {
    const tensor = inputsOf(inputs);
    const rows = tensor('hidden') as tf.Tensor2D;
    const targets = tensor('targets') as tf.Tensor1D;
    const pieces = piecesOf(places, config).map(({ start, size }) => {
      const logits = headLogits(config, inputs, tf.slice(rows, [start, 0], [size, -1]));
      return tf.stack([tokenLogprobs(logits, tf.slice(targets, [start], [size])), entropies(logits)]);
    });
    // Together, since operators run depth first: one after the other would keep the logits of all pieces for the second.
    const scores = tf.concat(pieces, 1);
    const row = (index: number): tf.Tensor => tf.reshape(tf.slice(scores, [index, 0], [1, places]), [places]);
    return { logprobs: row(0), entropies: row(1) };
  });
}

/** The pieces in which the distributions of `places` tokens are computed. */
function piecesOf(places: number, { vocabSize }: DecoderConfig): { start: number; size: number }[] {
  const most = Math.max(SMALLEST_PLACES, Math.floor(LOGITS_AT_ONCE / vocabSize));
  return Array.from({ length: Math.ceil(places / most) }, (_, piece) => ({
    start: piece * most,
    size: Math.min(most, places - piece * most),
  }));
}
