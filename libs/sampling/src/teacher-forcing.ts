// Teacher-forced scoring: log-probability and entropy of every token of given texts. Texts that share a beginning are one
// tree: the beginning is computed once, and each branch attends to it and to itself.
import { setImmediate } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import {
  causalBias,
  decode,
  headLogits,
  HIDDEN,
  linearOf,
  parameterSpecs,
  type DecoderConfig,
} from '@overtone/language-model';
import {
  entropies,
  float32,
  gatherRows,
  hostTensor,
  type HostTensor,
  Program,
  tokenLogprobs,
  trace,
  type TensorSpec,
} from '@overtone/tensor';
import { ProgramCache } from './program-cache.ts';
import { SamplingInputError } from './sampling-error.ts';

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

/** About this many tokens are scored in one run. */
const TOKENS_PER_RUN = 2048;
/** Row lengths are multiples of this. */
const LENGTH_STEP = 32;
/** Fewest places for scored tokens in a program. */
const SMALLEST_PLACES = 32;
/** Programs kept: a few lengths, each with a few numbers of places. */
const PROGRAMS = 16;

/** An item laid out as one row: what all continuations share, then each one's own branch. */
interface Row {
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

/** Lays out an item. */
function layOut({ prompt, continuations }: ScoringItem): Row {
  const shared = commonLength(continuations);
  const tokens = [...prompt, ...(continuations[0]?.slice(0, shared) ?? [])];
  const positions = tokens.map((_, index) => index);
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
      positions.push(trunk + index);
      branches.push(branch + 1);
    }
    return indices;
  });
  return {
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(positions),
    branches: Int32Array.from(branches),
    targets,
    members,
  };
}

/** Scores texts. Runs may overlap. */
export class TeacherForcing {
  private readonly config: DecoderConfig;
  private readonly threads: number;
  private readonly programs = new ProgramCache(PROGRAMS);

  /** @param threads Threads within an operator. Default 1. */
  constructor(config: DecoderConfig, threads = 1) {
    this.config = config;
    this.threads = threads;
  }

  /**
   * Scores items; answers come in their order.
   *
   * @throws {SamplingInputError} when a prompt or a continuation is empty, or an item exceeds the model's context.
   */
  async score(
    weights: Readonly<Record<string, HostTensor>>,
    items: readonly ScoringItem[],
    signal?: AbortSignal,
  ): Promise<ContinuationScore[][]> {
    const rows = items.map((item, index) => {
      if (item.prompt.length === 0 || item.continuations.some((continuation) => continuation.length === 0)) {
        throw new SamplingInputError(index, 'prompt and continuations must have at least one token each');
      }
      const row = layOut(item);
      if (row.tokens.length > this.config.maxPositionEmbeddings) {
        throw new SamplingInputError(
          index,
          `prompt and continuations have ${row.tokens.length} tokens, the model's context is ${this.config.maxPositionEmbeddings}`,
        );
      }
      return row;
    });
    const results = new Array<ContinuationScore[]>(items.length);
    const byLength = Map.groupBy(
      rows.keys(),
      (index) => Math.ceil((rows[index]?.tokens.length ?? 1) / LENGTH_STEP) * LENGTH_STEP,
    );
    for (const [length, indices] of byLength) {
      const batch = Math.max(2, Math.floor(TOKENS_PER_RUN / length));
      for (let first = 0; first < indices.length; first += batch) {
        await setImmediate();
        signal?.throwIfAborted();
        const chunk = indices.slice(first, first + batch);
        const scored = await this.run(
          weights,
          chunk.map((index) => rows[index]).filter((row) => row !== undefined),
          batch,
          length,
        );
        chunk.forEach((index, place) => (results[index] = scored[place] ?? []));
      }
    }
    return results;
  }

  /** Frees all programs. */
  dispose(): Promise<void> {
    return this.programs.dispose();
  }

  private async run(
    weights: Readonly<Record<string, HostTensor>>,
    rows: readonly Row[],
    batch: number,
    length: number,
  ): Promise<ContinuationScore[][]> {
    const count = rows.reduce((sum, row) => sum + row.targets.length, 0);
    const places = placesFor(count);
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
      for (const { at, token } of row.targets) {
        targetRows[place] = index * length + at;
        targetTokens[place++] = token;
      }
    }
    const feeds = { tokens, positions, branches, target_rows: targetRows, target_tokens: targetTokens };
    const { logprobs, entropies: spread } = await this.programs.run(
      `${batch}/${length}/${places}`,
      () => compileScoring(this.config, batch, length, places, this.threads),
      (program) => {
        const tensors: Record<string, HostTensor> = { ...weights };
        for (const [name, data] of Object.entries(feeds)) {
          const spec = program.inputs.get(name);
          if (spec) tensors[name] = hostTensor(spec, data);
        }
        return tensors;
      },
    );
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
}

/** Places for `count` scored tokens: powers of two and the numbers halfway between, so that few programs serve all counts. */
function placesFor(count: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(count, SMALLEST_PLACES)));
  return count <= 0.75 * power && power > SMALLEST_PLACES ? 0.75 * power : power;
}

function compileScoring(
  config: DecoderConfig,
  batch: number,
  length: number,
  places: number,
  threads: number,
): Promise<Program> {
  const grid: TensorSpec = { dtype: 'int32', shape: [batch, length] };
  const list: TensorSpec = { dtype: 'int32', shape: [places] };
  const own = { tokens: grid, positions: grid, branches: grid, target_rows: list, target_tokens: list };
  const graph = trace({ ...own, ...Object.fromEntries(parameterSpecs(config)) }, (inputs) => {
    const tensor = (name: keyof typeof own): tf.Tensor => {
      const found = inputs[name];
      if (!found) throw new Error(`The scoring program has no input ${name}`);
      return found;
    };
    const queries = tf.reshape(tensor('branches'), [batch, 1, length, 1]);
    const keys = tf.reshape(tensor('branches'), [batch, 1, 1, length]);
    const visible = tf.logicalOr(tf.equal(keys, queries), tf.equal(keys, tf.scalar(0, 'int32')));
    const bias = tf.where<tf.Tensor4D>(visible, causalBias(length), tf.fill([1, 1, 1, 1], HIDDEN));
    const input = {
      tokens: tensor('tokens') as tf.Tensor2D,
      positions: tensor('positions') as tf.Tensor2D,
      bias,
    };
    const { hidden } = decode(config, inputs, linearOf(inputs), input);
    const logits = headLogits(config, inputs, gatherRows(hidden, tensor('target_rows') as tf.Tensor1D));
    return {
      logprobs: tokenLogprobs(logits, tensor('target_tokens') as tf.Tensor1D),
      entropies: entropies(logits),
    };
  });
  return Program.compile(graph, { threads });
}
