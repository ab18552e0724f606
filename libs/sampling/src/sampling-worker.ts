// A worker thread of a sampling pool: owns the model, samples and scores. Everything that computes for long happens here; the
// engine hands control back after every step, which is when messages arrive and when jobs take turns.
import { parentPort, workerData } from 'node:worker_threads';
import {
  readDecoderConfig,
  readTokenizer,
  type DecoderConfig,
  type Tokenizer,
} from '@overtone/language-model';
import { AdapterCache } from './adapter-cache.ts';
import { reportWork, WorkLog } from './engine-work.ts';
import { Inbox } from './inbox.ts';
import { Sampler, type Sample, type SamplingPrompt } from './sampler.ts';
import { failureOf, SamplingInputError } from './sampling-error.ts';
import {
  type EncodedPrompt,
  type FinishedSample,
  type FromWorker,
  type ItemScore,
  type PromptContent,
  type ScoringRequestItem,
  type ToWorker,
  type WorkerSettings,
} from './sampling-messages.ts';
import { StopStrings } from './stop-strings.ts';
import { tokenEnds } from './token-ends.ts';
import { TeacherForcing, type ScoringItem } from './teacher-forcing.ts';

interface Job {
  readonly controller: AbortController;
  readonly prompts: Inbox<readonly EncodedPrompt[]>;
  readonly credits: Inbox<number>;
}

type Of<Type extends ToWorker['type']> = Extract<ToWorker, { readonly type: Type }>;

/** Serves the messages of one pool. */
class SamplingWorker {
  private readonly tokenizer: Tokenizer;
  private readonly sampler: Sampler;
  private readonly forcing: TeacherForcing;
  private readonly adapters: AdapterCache;
  private readonly jobs = new Map<number, Job>();
  private readonly post: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;

  constructor(
    config: DecoderConfig,
    tokenizer: Tokenizer,
    { parameters, int8, slots, adapters, cacheBytes, hardware, packed }: WorkerSettings,
    post: SamplingWorker['post'],
  ) {
    this.tokenizer = tokenizer;
    // One thread within an operator: more would let results depend on how the work was cut.
    this.sampler = new Sampler({ config, ...tokenizer }, { slots, threads: 1, hardware, cacheBytes });
    this.forcing = new TeacherForcing(config, { threads: 1, hardware, prefill: this.sampler.prompts });
    this.adapters = new AdapterCache(
      config,
      parameters,
      adapters,
      // What was computed of prompts under an adapter is of no use without it.
      (weights) => this.sampler.prompts.forget(weights),
      packed,
      int8,
    );
    this.post = post;
  }

  receive(message: Exclude<ToWorker, { type: 'close' | 'crash' }>): void {
    const { job } = message;
    switch (message.type) {
      case 'encode':
        return this.start(job, () => this.encode(message));
      case 'sample':
        return this.start(job, (state) => this.sample(message, state));
      case 'score':
        return this.start(job, (state) => this.score(message, state));
      case 'prompts':
        return this.jobs.get(job)?.prompts.put(message.prompts);
      case 'credit':
        return this.jobs.get(job)?.credits.put(message.count);
      case 'cancel':
        return this.jobs.get(job)?.controller.abort();
    }
  }

  /** Ends all jobs and frees the engine's memory. */
  async close(): Promise<void> {
    for (const { controller } of this.jobs.values()) controller.abort();
    await this.sampler.dispose();
    await this.forcing.dispose();
  }

  private start(job: number, work: (state: Job) => Promise<void>): void {
    const state: Job = { controller: new AbortController(), prompts: new Inbox(), credits: new Inbox() };
    this.jobs.set(job, state);
    const log = new WorkLog(
      (done) => this.post({ type: 'work', job, work: done }),
      () => this.sampler.cacheUse,
    );
    log
      .run(() => work(state))
      .finally(() => log.flush())
      .then(() => this.post({ type: 'done', job }))
      .catch((error: unknown) =>
        this.post({ type: 'failed', job, failure: failureOf(error, state.controller.signal) }),
      )
      .finally(() => this.jobs.delete(job));
  }

  private async encode({ job, prompts }: Of<'encode'>): Promise<void> {
    const encoded = prompts.map((prompt, index) => Int32Array.from(this.tokens(prompt, index)));
    this.post(
      { type: 'encoded', job, prompts: encoded },
      encoded.map(({ buffer }) => buffer),
    );
  }

  private async sample(
    { job, adapter, options, longest, credits }: Of<'sample'>,
    { controller: { signal }, prompts, credits: granted }: Job,
  ): Promise<void> {
    const post = this.post;
    async function* chunks(): AsyncGenerator<SamplingPrompt[]> {
      for (;;) {
        post({ type: 'hungry', job });
        const chunk = await prompts.take(signal);
        if (chunk.length === 0) return;
        yield chunk.map(({ id, tokens, samples }) => ({ id, tokens: Array.from(tokens), samples }));
      }
    }
    const weights = await this.adapters.weights(adapter);
    const stops = new StopStrings(options.stop ?? [], this.tokenizer.decode);
    let left = credits;
    for await (const sample of this.sampler.sample(weights, { longest, groups: chunks() }, options, signal)) {
      while (left === 0) left += await granted.take(signal);
      left -= 1;
      const finished = this.finish(sample, stops);
      const { tokens, logprobs, entropies } = finished;
      post({ type: 'sample', job, sample: finished }, [
        tokens.buffer as ArrayBuffer,
        logprobs.buffer as ArrayBuffer,
        entropies.buffer as ArrayBuffer,
      ]);
    }
  }

  private async score({ job, adapter, items }: Of<'score'>, { controller: { signal } }: Job): Promise<void> {
    const encoded = items.map((item, index) => this.scoringItem(item, index));
    const weights = await this.adapters.weights(adapter);
    const scores = await this.forcing.score(weights, encoded, signal);
    const answers: ItemScore[] = scores.map((texts, index) => ({
      promptTokens: encoded[index]?.prompt.length ?? 0,
      texts: texts.map(({ logprobs, entropies }, continuation) => ({
        logprobs: Float32Array.from(logprobs),
        entropies: Float32Array.from(entropies),
        ...(wantsEnds(items[index]) && {
          ends: tokenEnds(encoded[index]?.continuations[continuation] ?? [], this.tokenizer.decode),
        }),
      })),
    }));
    reportWork();
    this.post({ type: 'scored', job, scores: answers });
  }

  private tokens(prompt: PromptContent, index: number): Int32Array | readonly number[] {
    if ('tokens' in prompt) return prompt.tokens;
    try {
      return this.tokenizer.encodeChat(prompt.messages);
    } catch (error) {
      // A template refuses what it was not made for, for example a role.
      throw new SamplingInputError(
        index,
        `the chat template cannot render the messages: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  private scoringItem(item: ScoringRequestItem, index: number): ScoringItem {
    const { tokenizer } = this;
    const { target } = item;
    const prompt = Array.from(this.tokens(item, index));
    const continuations =
      'completion' in target
        ? [[...tokenizer.encode(target.completion), tokenizer.eosTokenId]]
        : 'tokens' in target
          ? [[...target.tokens]]
          : target.continuations.map((text) => (typeof text === 'string' ? tokenizer.encode(text) : text));
    return { prompt, continuations };
  }

  private finish({ tokens, logprobs, entropies, ...rest }: Sample, stops: StopStrings): FinishedSample {
    const { decode, stopTokenIds } = this.tokenizer;
    const ended = stopTokenIds.includes(tokens.at(-1) ?? -1);
    return {
      ...rest,
      text: stops.cut(decode(ended ? tokens.slice(0, -1) : tokens)),
      tokens: Int32Array.from(tokens),
      logprobs: Float32Array.from(logprobs),
      entropies: Float32Array.from(entropies),
    };
  }
}

function wantsEnds(item: ScoringRequestItem | undefined): boolean {
  return item !== undefined && 'completion' in item.target && item.target.ends === true;
}

if (!parentPort) throw new Error('sampling-worker.ts is the entry of a worker thread: use SamplingPool');
const port = parentPort;
const post = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);
try {
  const settings = workerData as WorkerSettings;
  const [config, tokenizer] = await Promise.all([
    readDecoderConfig(settings.folder),
    readTokenizer(settings.folder),
  ]);
  const worker = new SamplingWorker(config, tokenizer, settings, post);
  port.on('message', (message: ToWorker) => {
    if (message.type === 'crash') throw new Error('it was told to crash');
    if (message.type !== 'close') return worker.receive(message);
    void worker.close().finally(() => port.close());
  });
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'unusable', failure: failureOf(error) });
}
