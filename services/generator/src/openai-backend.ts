// An OpenAI-compatible server as a backend: it samples; the embedded engine, where local weights of the same model are given,
// adds entropies and scores, which servers do not have.
import { hashKey } from '@overtone/artifacts';
import { EntropyKind, type DescribeModelResponse, type GenerateResponse } from '@overtone/contracts';
import { readTokenizer, type Tokenizer } from '@overtone/language-model';
import { ChatServer, sampleSeed, ServerAdapters, ServerError, type Completion } from '@overtone/openai';
import { failedPrecondition, invalidArgument, mapConcurrent } from '@overtone/rpc';
import { SamplingPool, type ItemScore, type ScoringRequestItem } from '@overtone/sampling';
import { type GeneratorBackend, type HostedAdapter, type SamplingRequest } from './backend.ts';
import { batches } from './batches.ts';
import { type EngineConfiguration, type OpenAiConfiguration } from './configuration.ts';
import { scoreOn } from './engine-backend.ts';
import { ServerSample, topKEntropies } from './server-sample.ts';

/** Samples that are teacher-forced together, and how long the first of them waits for others. */
const FORCED_BATCH = { size: 32, waitMs: 50 };

const KINDS = {
  none: EntropyKind.ENTROPY_KIND_NONE,
  'top-k': EntropyKind.ENTROPY_KIND_TOP_K,
  engine: EntropyKind.ENTROPY_KIND_TEACHER_FORCED,
} as const;

/** Local weights of the model that the server hosts. */
interface LocalModel {
  readonly pool: SamplingPool;
  readonly tokenizer: Tokenizer;
}

/**
 * Opens a backend before a server.
 *
 * @param engine How to host local weights of the same model; undefined: there are none.
 * @throws {ServerError} when the server cannot be used so; {ModelError} when the local folder is no model.
 */
export async function openServer(
  configuration: OpenAiConfiguration,
  engine: EngineConfiguration | undefined,
): Promise<GeneratorBackend> {
  const { entropy } = configuration;
  const server = await ChatServer.open({
    ...configuration,
    topLogprobs: entropy === 'top-k' ? configuration.topLogprobs : 0,
  });
  let pool: SamplingPool | undefined;
  try {
    pool = engine && (await SamplingPool.open(engine));
    const local = pool && engine && { pool, tokenizer: await readTokenizer(engine.model) };
    return new ServerBackend(server, configuration, local);
  } catch (error) {
    await Promise.all([server.close(), pool?.close()]);
    throw error;
  }
}

class ServerBackend implements GeneratorBackend {
  readonly #server: ChatServer;
  readonly #configuration: OpenAiConfiguration;
  readonly #local: LocalModel | undefined;
  readonly #adapters: ServerAdapters;
  readonly #vocabularySize: number;

  constructor(server: ChatServer, configuration: OpenAiConfiguration, local: LocalModel | undefined) {
    const { profile } = server;
    this.#server = server;
    this.#configuration = configuration;
    this.#local = local;
    this.#adapters = new ServerAdapters(server.transport, configuration.adapters);
    this.#vocabularySize =
      configuration.vocabularySize ?? profile.vocabularySize ?? local?.pool.describe().vocabularySize ?? 0;
    if (configuration.entropy !== 'top-k') return;
    const setUp = (reason: string): ServerError =>
      new ServerError('set-up', `${profile.server}: OVERTONE_ENTROPY=top-k: ${reason}`);
    if (profile.logprobs === 'none') {
      throw setUp('it gives no log-probabilities; use OVERTONE_ENTROPY=engine with local weights, or none');
    }
    if (this.#vocabularySize === 0) {
      throw setUp(
        'it does not say how many tokens the vocabulary has, which the bound of the error depends on; set OVERTONE_OPENAI_VOCABULARY to that number (vocab_size in config.json)',
      );
    }
  }

  describe(): DescribeModelResponse {
    const { profile } = this.#server;
    const { entropy, topLogprobs } = this.#configuration;
    const local = this.#local?.pool.describe();
    return {
      model: profile.model,
      sha256: hashKey({
        server: profile.sha256,
        entropy,
        topLogprobs: entropy === 'top-k' ? topLogprobs : 0,
        local: local?.sha256 ?? '',
      }),
      architecture: local?.architecture ?? '',
      parameters: profile.parameters ?? local?.parameters ?? 0,
      vocabularySize: this.#vocabularySize,
      contextLength: profile.contextLength ?? 0,
      backend: 'openai',
      entropyKind: KINDS[entropy],
    };
  }

  async *generate(request: SamplingRequest, signal: AbortSignal): AsyncGenerator<GenerateResponse> {
    const { adapter } = request;
    this.#checkPossible(request);
    const samples = mapConcurrent(
      places(request),
      ({ index, sampleIndex }, stop) => this.#sample(request, index, sampleIndex, stop),
      { limit: this.#server.transport.concurrency, signal },
    );
    const { entropy } = this.#configuration;
    if (entropy !== 'engine') {
      const entropies =
        entropy === 'top-k'
          ? (sample: ServerSample) => topKEntropies(sample, this.#vocabularySize)
          : () => undefined;
      for await (const sample of samples) yield sample.response(KINDS[entropy], entropies(sample));
      return;
    }
    const forced = mapConcurrent(
      batches(samples, FORCED_BATCH),
      (batch, stop) => this.#teacherForce(batch, request, adapter, stop),
      { limit: this.scoringConcurrency, signal },
    );
    for await (const responses of forced) yield* responses;
  }

  get scoringConcurrency(): number {
    return 2 * (this.#local?.pool.size ?? 1);
  }

  async score(
    items: readonly ScoringRequestItem[],
    adapter: HostedAdapter | undefined,
    signal: AbortSignal,
  ): Promise<ItemScore[]> {
    if (!this.#local) {
      throw failedPrecondition(
        `${this.#server.profile.server} cannot score given texts; start this generator with OVERTONE_MODEL=… to score with local weights of the same model`,
      );
    }
    return scoreOn(this.#local.pool, items, adapter, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#server.close(), this.#local?.pool.close()]);
  }

  #checkPossible({ options, adapter }: SamplingRequest): void {
    const { profile } = this.#server;
    if (adapter !== undefined && profile.dialect === 'llama.cpp') {
      throw failedPrecondition(
        `${profile.server}: llama-server takes adapters only when it starts, as GGUF files; sample with adapters from vLLM, or from the engine`,
      );
    }
    if (this.#configuration.entropy === 'top-k' && !this.#honest(options)) {
      throw failedPrecondition(
        `${profile.server}: its log-probabilities are those of the tempered and cut distribution, so entropies can be had from them only at temperature 1 and top_p 1; start it so that it gives raw ones (vLLM: --logprobs-mode raw_logprobs), or use OVERTONE_ENTROPY=engine`,
      );
    }
  }

  /** Whether the server's log-probabilities are what the contract says: at temperature 1 over the full vocabulary. */
  #honest({ temperature, topP }: SamplingRequest['options']): boolean {
    const { logprobs } = this.#server.profile;
    return logprobs === 'raw' || (logprobs === 'processed' && temperature === 1 && topP === 1);
  }

  async #sample(
    { prompts, options, adapter }: SamplingRequest,
    index: number,
    sampleIndex: number,
    signal: AbortSignal,
  ): Promise<ServerSample> {
    const prompt = prompts[index];
    if (!prompt) throw new RangeError(`there is no prompt ${index}`);
    const { temperature, topP, maxNewTokens, seed, stop } = options;
    const request = {
      messages: prompt.messages,
      temperature,
      topP,
      maxTokens: maxNewTokens,
      seed: sampleSeed(seed, prompt.id, sampleIndex),
      stop,
    };
    const complete = (name?: string): Promise<Completion> =>
      this.#server.complete({ ...request, adapter: name }, signal);
    try {
      const completion = await (adapter === undefined
        ? complete()
        : this.#adapters.use({ ...adapter, folder: this.#serverPath(adapter.folder) }, signal, complete));
      const { finishReason, completionTokens } = completion;
      if (finishReason === 'length' && completionTokens < maxNewTokens) {
        throw invalidArgument(
          `prompts[${index}]`,
          `the server's context ended after ${completionTokens} of ${maxNewTokens} new tokens; give it a longer one (llama-server: -c divided by its slots; vLLM: --max-model-len), or ask for fewer tokens`,
        );
      }
      return new ServerSample({
        promptIndex: index,
        promptId: prompt.id,
        sampleIndex,
        completion,
        honest: this.#honest(options),
        stopStrings: stop.length > 0,
        tokenizer: this.#local?.tokenizer,
      });
    } catch (error) {
      if (error instanceof ServerError && error.kind === 'refused')
        throw invalidArgument(`prompts[${index}]`, error.message);
      throw error;
    }
  }

  /** Entropies of finished samples, by running them through the local weights. */
  async #teacherForce(
    samples: readonly ServerSample[],
    { prompts }: SamplingRequest,
    adapter: HostedAdapter | undefined,
    signal: AbortSignal,
  ): Promise<GenerateResponse[]> {
    const forced = samples.flatMap((sample) => {
      const messages = prompts[sample.promptIndex]?.messages ?? [];
      const tokens = sample.tokensToForce();
      return tokens.length === 0 ? [] : [{ sample, item: { messages, target: { tokens } } }];
    });
    const items = forced.map(({ item }) => item);
    const scores = items.length === 0 ? [] : await this.score(items, adapter, signal);
    const bySample = new Map(forced.map(({ sample }, index) => [sample, scores[index]]));
    return samples.map((sample) => {
      const score = bySample.get(sample);
      const [text] = score?.texts ?? [];
      if (score && score.promptTokens !== sample.promptTokens) {
        throw failedPrecondition(
          `${this.#server.profile.server} reads prompt "${sample.promptId}" as ${sample.promptTokens} tokens, the local model as ${score.promptTokens}: they do not have the same tokenizer and chat template, so the entropies of one say nothing about the other; OVERTONE_MODEL must be the model that the server hosts`,
        );
      }
      return sample.response(KINDS.engine, {
        entropies: Array.from(text?.entropies ?? []),
        errors: [],
        logprobs: Array.from(text?.logprobs ?? []),
      });
    });
  }

  #serverPath(folder: string): string {
    const { adapterPath } = this.#configuration;
    return adapterPath !== undefined && folder.startsWith(adapterPath.here)
      ? adapterPath.there + folder.slice(adapterPath.here.length)
      : folder;
  }
}

/** All samples to draw, those of a prompt next to each other: the server computes what they share once. */
function* places({ prompts, options }: SamplingRequest): Generator<{ index: number; sampleIndex: number }> {
  for (const index of prompts.keys()) {
    for (let sampleIndex = 0; sampleIndex < options.samples; sampleIndex++) yield { index, sampleIndex };
  }
}
