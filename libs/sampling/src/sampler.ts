// Batched sampling with a key-value cache: slots are refilled as samples finish, each prompt is prefilled once for all of
// its samples, what prompts have in common once for all of them, and a sample's tokens depend on (seed, prompt id, sample index)
// alone.
import { setImmediate } from 'node:timers/promises';
import { type DecoderConfig } from '@overtone/language-model';
import { type Random, seededRandom } from '@overtone/statistics';
import { type Hardware } from '@overtone/tensor';
import { CacheMemory } from './cache-memory.ts';
import { chooseToken, type ChoiceOptions } from './choose-token.ts';
import { DecodePrograms } from './decode-programs.ts';
import { type Distribution, readDistributions } from './distribution.ts';
import { type HostWeights } from './host-parameters.ts';
import { Prefill, PREFILL_BATCH, type Prefilled } from './prefill.ts';
import { bytesPerPosition, capacityFor, SlotCache } from './slot-cache.ts';
import { checkStops, type Decode, StopStrings } from './stop-strings.ts';

/** A prompt and how to sample from it. */
export interface SamplingPrompt {
  readonly id: string;
  readonly tokens: readonly number[];
  /** Which samples of it, by their indices. Default: all. */
  readonly samples?: SampleRange | undefined;
}

/** Consecutive sample indices. */
export interface SampleRange {
  readonly first: number;
  readonly count: number;
}

/** Prompts that come in groups, asked for when slots become free. */
export interface PromptStream {
  /** Tokens of the longest prompt. */
  readonly longest: number;
  readonly groups: AsyncIterable<readonly SamplingPrompt[]>;
}

/** How to sample. */
export interface SamplingOptions extends ChoiceOptions {
  /** Samples of each prompt. */
  readonly samples: number;
  /** Most tokens of a sample. */
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Strings that end a sample, none empty. Default: none. */
  readonly stop?: readonly string[];
  /** Let no token end a sample, for benchmarks. Default false. */
  readonly ignoreEos?: boolean;
}

/** A finished sample. */
export interface Sample {
  readonly promptId: string;
  readonly sampleIndex: number;
  /** With the end token, or those of the string that ended it, when there is one. */
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
  /** Ends a turn. */
  readonly eosTokenId: number;
  /** All tokens that end a sample. Default: `eosTokenId` alone. */
  readonly stopTokenIds?: readonly number[];
  readonly padTokenId: number;
  /** Needed for stop strings. */
  readonly decode?: Decode;
}

/** Settings of a sampler. None but the hardware changes what is sampled. */
export interface SamplerOptions {
  /** Samples decoded at once, at most. Default 64. */
  readonly slots?: number;
  /** Threads within an operator. Default 1. */
  readonly threads?: number;
  /** What programs run on, and in which precision. Default: the CPU, float32. Another may give other samples. */
  readonly hardware?: Hardware;
  /** Memory for keys and values, bytes. Default 1 GiB. */
  readonly cacheBytes?: number;
}

/** The smallest batch: a single row takes another path through the matrix product, with other last bits. */
const SMALLEST_BATCH = 2;
/** Share of the memory for beginnings of prompts that later ones may have too. */
export const PREFIX_SHARE = 0.2;
/** Time between looks at the event loop, where cancellation arrives. */
const YIELD_AFTER_MS = 5;

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

/** A sample that waits for a slot. */
interface Waiting {
  readonly prompt: SamplingPrompt;
  readonly prefilled: Prefilled;
  readonly sampleIndex: number;
}

/** One run's state. */
interface Run {
  readonly weights: HostWeights;
  readonly options: SamplingOptions;
  readonly stops: StopStrings;
  readonly cache: SlotCache;
  active: (Active | undefined)[];
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

/** Samples from a model. Runs may overlap: each has its own cache, within the memory that all of them share. */
export class Sampler {
  private readonly model: SamplerModel;
  private readonly slots: number;
  private readonly programs: DecodePrograms;
  private readonly prefill: Prefill;
  private readonly memory: CacheMemory;
  private readonly stopTokens: ReadonlySet<number>;

  constructor(model: SamplerModel, options: SamplerOptions = {}) {
    const { slots = 64, threads = 1, hardware, cacheBytes = 2 ** 30 } = options;
    this.model = model;
    this.stopTokens = new Set(model.stopTokenIds ?? [model.eosTokenId]);
    this.slots = Math.max(SMALLEST_BATCH, 2 ** Math.floor(Math.log2(slots)));
    this.programs = new DecodePrograms(model.config, { threads, ...hardware });
    this.prefill = new Prefill(model.config, model.padTokenId, this.programs, PREFIX_SHARE * cacheBytes);
    this.memory = new CacheMemory((1 - PREFIX_SHARE) * cacheBytes);
  }

  /** Share of the memory for keys and values that runs have taken. */
  get cacheUse(): number {
    return this.memory.use;
  }

  /** The computation of prompts, with its memory of their beginnings. */
  get prompts(): Prefill {
    return this.prefill;
  }

  /**
   * Samples every prompt `options.samples` times; yields samples as they finish.
   *
   * @param weights The parameters; see `hostParameters`.
   * @param prompts All prompts, or groups of them that are asked for when slots become free.
   * @throws {RangeError} when a prompt is empty, or a prompt and its sample do not fit the model's context or the memory for
   *   keys and values.
   */
  async *sample(
    weights: HostWeights,
    prompts: readonly SamplingPrompt[] | PromptStream,
    options: SamplingOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<Sample> {
    const stream = 'groups' in prompts ? prompts : streamOf(prompts);
    const { config } = this.model;
    checkStops(options.stop ?? [], this.model.decode);
    const limit = capacityFor(stream.longest + options.maxNewTokens);
    const share = await this.memory.take(
      limit * bytesPerPosition(config),
      SMALLEST_BATCH,
      this.slots,
      `A prompt of ${stream.longest} tokens with ${options.maxNewTokens} new ones`,
      signal,
    );
    try {
      const slots = 2 ** Math.floor(Math.log2(share.units));
      const run: Run = {
        weights,
        options,
        stops: new StopStrings(options.stop ?? [], this.model.decode ?? (() => '')),
        cache: new SlotCache(config, slots, limit, Math.min(limit, capacityFor(1))),
        active: new Array<Active | undefined>(slots).fill(undefined),
      };
      yield* this.decode(run, this.waiting(weights, stream, options, signal), signal);
    } finally {
      share.release();
    }
  }

  /** Frees all programs. */
  dispose(): Promise<void> {
    return this.programs.dispose();
  }

  /** Fills slots and takes steps until nothing waits and nothing is active. */
  private async *decode(
    run: Run,
    waiting: AsyncGenerator<Waiting, undefined>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Sample> {
    const { cache } = run;
    let exhausted = false;
    let yielded = performance.now();
    for (;;) {
      if (performance.now() - yielded > YIELD_AFTER_MS) {
        await setImmediate();
        yielded = performance.now();
      }
      signal?.throwIfAborted();
      for (let slot = 0; slot < run.active.length && !exhausted; slot++) {
        while (!run.active[slot] && !exhausted) {
          const { value: next } = await waiting.next();
          if (!next) {
            exhausted = true;
            break;
          }
          const started = this.start(next, run);
          if (this.finished(started, run)) {
            yield started.sample;
            continue;
          }
          this.reserve(run, started.length + 1);
          cache.clear(slot);
          let position = 0;
          for (const segment of next.prefilled.segments) {
            cache.write(segment, slot, position);
            position += segment.positions;
          }
          run.active[slot] = started;
        }
      }
      const busy = run.active.filter((entry) => entry !== undefined);
      if (busy.length === 0) return;
      const batch = Math.max(SMALLEST_BATCH, 2 ** Math.ceil(Math.log2(busy.length)));
      if (exhausted && batch < cache.batch) compact(run, batch);
      this.reserve(run, Math.max(...busy.map((entry) => entry.length)) + 1);
      yield* this.step(run);
    }
  }

  /** One token for every active slot; yields the samples that it ends, and frees their slots. */
  private async *step(run: Run): AsyncGenerator<Sample> {
    const { cache, active, weights, options } = run;
    const { batch, capacity } = cache;
    const { growing } = this.programs;
    const tokens = Int32Array.from(active, (entry) => entry?.next ?? this.model.padTokenId);
    const lengths = Int32Array.from(active, (entry) => entry?.length ?? 0);
    const outputs = growing
      ? await this.programs.step(
          weights,
          { batch, capacity },
          options.temperature,
          { tokens, lengths },
          cache.inPlace,
        )
      : await this.programs.run(weights, { batch, length: 1, capacity, rows: batch }, options.temperature, {
          ...cache.feeds,
          tokens,
          positions: lengths,
          rows: Int32Array.from(active.keys()),
        });
    const distribution = readDistributions(outputs, this.model.config.vocabSize);
    for (const [slot, entry] of active.entries()) {
      if (!entry) continue;
      if (!growing) cache.append(outputs, slot, entry.length);
      entry.length += 1;
      choose(entry, distribution(slot), options);
      if (this.finished(entry, run)) {
        active[slot] = undefined;
        cache.clear(slot);
        yield entry.sample;
      }
    }
  }

  /** Every sample of every prompt, its prompt computed when its turn comes. */
  private async *waiting(
    weights: HostWeights,
    { groups }: PromptStream,
    options: SamplingOptions,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Waiting, undefined> {
    for await (const group of groups) {
      for (const { id, tokens } of group) checkPrompt(id, tokens.length, options, this.model.config);
      for (let first = 0; first < group.length; first += PREFILL_BATCH) {
        const chunk = group.slice(first, first + PREFILL_BATCH);
        const computed = this.prefill.prompts(
          weights,
          chunk.map(({ tokens }) => tokens),
          options.temperature,
          signal,
        );
        for await (const { index, ...prefilled } of computed) {
          const prompt = chunk[index];
          if (!prompt) continue;
          const { first: from = 0, count = options.samples } = prompt.samples ?? {};
          for (let sampleIndex = from; sampleIndex < from + count; sampleIndex++)
            yield { prompt, prefilled, sampleIndex };
        }
      }
    }
    return undefined;
  }

  private start({ prompt, prefilled, sampleIndex }: Waiting, { options }: Run): Active {
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
    choose(entry, prefilled.distribution, options);
    return entry;
  }

  /** Whether a sample has ended; notes why. */
  private finished({ next, sample }: Active, { options, stops }: Run): boolean {
    const ends = !options.ignoreEos && this.stopTokens.has(next);
    if (ends || stops.completedBy(sample.tokens)) sample.finishReason = 'stop';
    return sample.finishReason === 'stop' || sample.tokens.length >= options.maxNewTokens;
  }

  /** Makes the cache hold `positions` positions of every slot. */
  private reserve({ cache, active }: Run, positions: number): void {
    if (positions <= cache.capacity) return;
    cache.grow(
      capacityFor(positions),
      active.map((entry) => entry?.length ?? 0),
    );
  }
}

function choose(entry: Active, from: Distribution, options: SamplingOptions): void {
  const token = chooseToken(from, options, entry.random());
  entry.next = token;
  entry.sample.tokens.push(token);
  // As precise as what they were computed from, so that nothing is lost on the way to a reader.
  entry.sample.logprobs.push(Math.fround((from.logits[token] ?? 0) - from.logNormaliser));
  entry.sample.entropies.push(Math.fround(from.entropy));
}

/** Moves the active slots together into a smaller batch. */
function compact(run: Run, batch: number): void {
  const slots = [...run.active.keys()].filter((slot) => run.active[slot] !== undefined);
  const moved = new Array<Active | undefined>(batch).fill(undefined);
  slots.forEach((from, to) => (moved[to] = run.active[from]));
  run.cache.keep(
    slots,
    batch,
    moved.map((entry) => entry?.length ?? 0),
  );
  run.active = moved;
}

function streamOf(prompts: readonly SamplingPrompt[]): PromptStream {
  return {
    longest: prompts.reduce((most, { tokens }) => Math.max(most, tokens.length), 0),
    groups: (async function* () {
      await Promise.resolve();
      yield prompts;
    })(),
  };
}
