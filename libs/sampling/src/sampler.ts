// Batched sampling with a key-value cache: slots are refilled as samples finish, each prompt is prefilled once for all of
// its samples, and a sample's tokens depend on (seed, prompt id, sample index) alone.
import { setImmediate } from 'node:timers/promises';
import { type DecoderConfig } from '@overtone/language-model';
import { type Random, seededRandom } from '@overtone/statistics';
import { float32, hostTensor, type HostTensor } from '@overtone/tensor';
import { chooseToken, type ChoiceOptions } from './choose-token.ts';
import { compileDecode, type DecodeShape } from './decode-program.ts';
import { ProgramCache } from './program-cache.ts';
import { SlotCache } from './slot-cache.ts';

/** A prompt and how to sample from it. */
export interface SamplingPrompt {
  readonly id: string;
  readonly tokens: readonly number[];
}

/** How to sample. */
export interface SamplingOptions extends ChoiceOptions {
  /** Samples of each prompt. */
  readonly samples: number;
  /** Most tokens of a sample. */
  readonly maxNewTokens: number;
  readonly seed: number;
}

/** A finished sample. */
export interface Sample {
  readonly promptId: string;
  readonly sampleIndex: number;
  /** With the end token, when there is one. */
  readonly tokens: number[];
  /** Of each token, at temperature 1 over the full vocabulary, nats. */
  readonly logprobs: number[];
  /** Of the distribution that each token was chosen from, at temperature 1 over the full vocabulary, nats. */
  readonly entropies: number[];
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
}

/** A model that is ready to sample from. */
export interface SamplerModel {
  readonly config: DecoderConfig;
  readonly eosTokenId: number;
  readonly padTokenId: number;
}

/** Settings of a sampler. */
export interface SamplerOptions {
  /** Samples decoded at once. Default 64. */
  readonly slots?: number;
  /** Threads within an operator. Default 1. */
  readonly threads?: number;
}

/** Prompts prefilled at once. */
export const PREFILL_BATCH = 8;
/** Prompts are padded to a multiple of this. */
export const PREFILL_STEP = 32;
/** The smallest cache; capacities are powers of two from here. */
const SMALLEST_CAPACITY = 64;
/** Batches shrink as samples run out, by halves, down to this. */
const SMALLEST_BATCH = 8;
/** Programs kept: a few batch sizes, each with a few capacities, and prefills. */
const PROGRAMS = 24;
/** Decoding steps between looks at the event loop, where cancellation arrives. */
const STEPS_BETWEEN_YIELDS = 8;

interface Active {
  readonly prompt: SamplingPrompt;
  readonly sampleIndex: number;
  readonly random: Random;
  /** Grows, and is handed out when it has ended. */
  readonly sample: { -readonly [Key in keyof Sample]: Sample[Key] };
  /** Positions in the cache. */
  length: number;
  /** Chosen, not yet in the cache. */
  next: number;
}

/** A prompt's prefill, forked into its samples. */
interface Prefilled {
  readonly prompt: SamplingPrompt;
  readonly outputs: Record<string, HostTensor>;
  readonly sequence: number;
  readonly length: number;
  readonly logprobs: Float32Array;
  readonly entropy: number;
}

/**
 * Checks that a prompt and its sample fit a model.
 *
 * @throws {RangeError} that names the prompt and the lengths.
 */
export function checkPrompt(
  id: string,
  length: number,
  { maxNewTokens }: SamplingOptions,
  { maxPositionEmbeddings: limit }: DecoderConfig,
): void {
  if (length === 0) throw new RangeError(`Prompt ${id} is empty`);
  if (length + maxNewTokens > limit) {
    throw new RangeError(
      `Prompt ${id} has ${length} tokens; with ${maxNewTokens} new ones it exceeds the model's context of ${limit}`,
    );
  }
}

/** Samples from a model. Runs may overlap: each has its own cache. */
export class Sampler {
  private readonly model: SamplerModel;
  private readonly slots: number;
  private readonly threads: number;
  private readonly programs = new ProgramCache(PROGRAMS);

  constructor(model: SamplerModel, options: SamplerOptions = {}) {
    this.model = model;
    this.slots = Math.max(SMALLEST_BATCH, options.slots ?? 64);
    this.threads = options.threads ?? 1;
  }

  /**
   * Samples every prompt `options.samples` times; yields samples as they finish.
   *
   * @param weights The parameters, by name; see `hostParameters`.
   * @param prompts All prompts, or groups of them that are asked for when slots become free.
   * @throws {RangeError} when a prompt is empty, or a prompt and its sample do not fit the model's context.
   */
  async *sample(
    weights: Readonly<Record<string, HostTensor>>,
    prompts: readonly SamplingPrompt[] | AsyncIterable<readonly SamplingPrompt[]>,
    options: SamplingOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<Sample> {
    const waiting = this.waitingSamples(weights, prompts, options);
    let cache = new SlotCache(this.model.config, this.slots, SMALLEST_CAPACITY);
    let active: (Active | undefined)[] = new Array<Active | undefined>(this.slots).fill(undefined);
    let exhausted = false;
    for (let step = 0; ; step++) {
      if (step % STEPS_BETWEEN_YIELDS === 0) await setImmediate();
      signal?.throwIfAborted();
      for (let slot = 0; slot < active.length && !exhausted; slot++) {
        while (!active[slot] && !exhausted) {
          const { value: fork } = await waiting.next();
          if (!fork) {
            exhausted = true;
            break;
          }
          const started = this.start(fork.prefilled, fork.sampleIndex, options);
          if (this.finished(started, options)) {
            yield started.sample;
            continue;
          }
          cache = this.withCapacity(cache, active, started.length + 1);
          cache.clear(slot);
          cache.write(
            fork.prefilled.outputs,
            fork.prefilled.sequence,
            fork.prefilled.length,
            slot,
            0,
            started.length,
          );
          active[slot] = started;
        }
      }
      const busy = active.filter((entry) => entry !== undefined);
      if (busy.length === 0) return;
      const batch = Math.max(SMALLEST_BATCH, 2 ** Math.ceil(Math.log2(busy.length)));
      if (exhausted && batch < cache.batch) [cache, active] = this.compacted(cache, active, batch);
      cache = this.withCapacity(cache, active, Math.max(...busy.map((entry) => entry.length)) + 1);
      yield* this.step(weights, cache, active, options);
    }
  }

  /** Frees all programs. */
  dispose(): Promise<void> {
    return this.programs.dispose();
  }

  /** One token for every active slot; yields the samples that it ends, and frees their slots. */
  private async *step(
    weights: Readonly<Record<string, HostTensor>>,
    cache: SlotCache,
    active: (Active | undefined)[],
    options: SamplingOptions,
  ): AsyncGenerator<Sample> {
    const shape: DecodeShape = { batch: cache.batch, length: 1, capacity: cache.capacity };
    const outputs = await this.run(shape, weights, {
      ...cache.feeds,
      tokens: Int32Array.from(active, (entry) => entry?.next ?? this.model.padTokenId),
      positions: Int32Array.from(active, (entry) => entry?.length ?? 0),
      rows: Int32Array.from(active.keys()),
    });
    const distribution = this.distributions(outputs);
    for (const [slot, entry] of active.entries()) {
      if (!entry) continue;
      cache.write(outputs, slot, 1, slot, entry.length, 1);
      entry.length += 1;
      this.choose(entry, distribution(slot), options);
      if (this.finished(entry, options)) {
        active[slot] = undefined;
        cache.clear(slot);
        yield entry.sample;
      }
    }
  }

  /** Every sample of every prompt, prefilled when its turn comes. */
  private async *waitingSamples(
    weights: Readonly<Record<string, HostTensor>>,
    prompts: readonly SamplingPrompt[] | AsyncIterable<readonly SamplingPrompt[]>,
    options: SamplingOptions,
  ): AsyncGenerator<{ prefilled: Prefilled; sampleIndex: number }, undefined> {
    for await (const group of Symbol.asyncIterator in prompts ? prompts : [prompts]) {
      for (const { id, tokens } of group) checkPrompt(id, tokens.length, options, this.model.config);
      yield* this.prefilledSamples(weights, group, options);
    }
    return undefined;
  }

  private async *prefilledSamples(
    weights: Readonly<Record<string, HostTensor>>,
    prompts: readonly SamplingPrompt[],
    options: SamplingOptions,
  ): AsyncGenerator<{ prefilled: Prefilled; sampleIndex: number }> {
    // Prompts of one padded length are prefilled together, so that a prompt's numbers do not depend on its neighbours.
    const byLength = Map.groupBy(
      prompts,
      ({ tokens }) => Math.ceil(tokens.length / PREFILL_STEP) * PREFILL_STEP,
    );
    for (const [length, group] of byLength) {
      for (let first = 0; first < group.length; first += PREFILL_BATCH) {
        const chunk = group.slice(first, first + PREFILL_BATCH);
        const tokens = new Int32Array(PREFILL_BATCH * length).fill(this.model.padTokenId);
        chunk.forEach((prompt, sequence) => tokens.set(prompt.tokens, sequence * length));
        const outputs = await this.run({ batch: PREFILL_BATCH, length, capacity: 0 }, weights, {
          tokens,
          positions: Int32Array.from(tokens, (_, index) => index % length),
          rows: Int32Array.from(
            { length: PREFILL_BATCH },
            (_, sequence) => sequence * length + (chunk[sequence]?.tokens.length ?? 1) - 1,
          ),
        });
        const distribution = this.distributions(outputs);
        for (const [sequence, prompt] of chunk.entries()) {
          const prefilled = { prompt, outputs, sequence, length, ...distribution(sequence) };
          for (let sampleIndex = 0; sampleIndex < options.samples; sampleIndex++)
            yield { prefilled, sampleIndex };
        }
      }
    }
  }

  private start(prefilled: Prefilled, sampleIndex: number, options: SamplingOptions): Active {
    const { prompt } = prefilled;
    const entry: Active = {
      prompt,
      sampleIndex,
      random: seededRandom('sample', options.seed, prompt.id, sampleIndex),
      sample: {
        promptId: prompt.id,
        sampleIndex,
        tokens: [],
        logprobs: [],
        entropies: [],
        finishReason: 'length',
        promptTokens: prompt.tokens.length,
      },
      length: prompt.tokens.length,
      next: this.model.padTokenId,
    };
    this.choose(entry, prefilled, options);
    return entry;
  }

  private choose(
    entry: Active,
    from: { logprobs: Float32Array; entropy: number },
    options: SamplingOptions,
  ): void {
    const token = chooseToken(from.logprobs, options, entry.random());
    entry.next = token;
    entry.sample.tokens.push(token);
    entry.sample.logprobs.push(from.logprobs[token] ?? 0);
    entry.sample.entropies.push(from.entropy);
  }

  /** Whether a sample has ended; notes why. */
  private finished(entry: Active, { maxNewTokens }: SamplingOptions): boolean {
    if (entry.next === this.model.eosTokenId) entry.sample.finishReason = 'stop';
    return entry.next === this.model.eosTokenId || entry.sample.tokens.length >= maxNewTokens;
  }

  private distributions(
    outputs: Record<string, HostTensor>,
  ): (row: number) => { logprobs: Float32Array; entropy: number } {
    const { logprobs, entropies } = outputs;
    if (!logprobs || !entropies) throw new Error('The decode program returned no distribution');
    const rows = float32(logprobs);
    const values = float32(entropies);
    const vocabulary = this.model.config.vocabSize;
    return (row) => ({
      logprobs: rows.subarray(row * vocabulary, (row + 1) * vocabulary),
      entropy: values[row] ?? 0,
    });
  }

  /** The cache, or a larger one with the same content, that holds `positions` positions. */
  private withCapacity(
    cache: SlotCache,
    active: readonly (Active | undefined)[],
    positions: number,
  ): SlotCache {
    if (positions <= cache.capacity) return cache;
    const larger = new SlotCache(this.model.config, cache.batch, 2 ** Math.ceil(Math.log2(positions)));
    for (const [slot, entry] of active.entries()) if (entry) larger.adopt(cache, slot, slot, entry.length);
    return larger;
  }

  /** The active slots moved together into a smaller batch. */
  private compacted(
    cache: SlotCache,
    active: readonly (Active | undefined)[],
    batch: number,
  ): [SlotCache, (Active | undefined)[]] {
    const smaller = new SlotCache(this.model.config, batch, cache.capacity);
    const moved = new Array<Active | undefined>(batch).fill(undefined);
    let to = 0;
    for (const [slot, entry] of active.entries()) {
      if (!entry) continue;
      smaller.adopt(cache, slot, to, entry.length);
      moved[to++] = entry;
    }
    return [smaller, moved];
  }

  private run(
    shape: DecodeShape,
    weights: Readonly<Record<string, HostTensor>>,
    feeds: Readonly<Record<string, Int32Array | HostTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const { config } = this.model;
    return this.programs.run(
      `${shape.batch}/${shape.length}/${shape.capacity}`,
      () => compileDecode(config, shape, config.maxPositionEmbeddings, { threads: this.threads }),
      (program) => {
        const tensors: Record<string, HostTensor> = { ...weights };
        for (const [name, value] of Object.entries(feeds)) {
          const spec = program.inputs.get(name);
          if (!(value instanceof Int32Array)) tensors[name] = value;
          else if (spec) tensors[name] = hostTensor(spec, value);
        }
        return tensors;
      },
    );
  }
}
