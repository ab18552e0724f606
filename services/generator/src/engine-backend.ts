// The embedded engine as a backend: a pool of worker threads, whose samples come with exact entropies.
import {
  EntropyKind,
  FinishReason,
  type DescribeModelResponse,
  type GenerateResponse,
} from '@overtone/contracts';
import { SamplingPool, type ItemScore, type ScoringRequestItem } from '@overtone/sampling';
import { type GeneratorBackend, type HostedAdapter, type SamplingRequest } from './backend.ts';
import { type EngineConfiguration } from './configuration.ts';

/** Opens a backend that samples and scores here. @throws {ModelError} when the folder is no model. */
export async function openEngine(configuration: EngineConfiguration): Promise<GeneratorBackend> {
  return new EngineBackend(await SamplingPool.open(configuration));
}

class EngineBackend implements GeneratorBackend {
  readonly #pool: SamplingPool;

  constructor(pool: SamplingPool) {
    this.#pool = pool;
  }

  describe(): DescribeModelResponse {
    return { ...this.#pool.describe(), backend: 'engine', entropyKind: EntropyKind.ENTROPY_KIND_EXACT };
  }

  async *generate(
    { prompts, options, adapter }: SamplingRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateResponse> {
    const samples = this.#pool.generate({ prompts, options, adapter: adapter?.folder }, signal);
    for await (const sample of samples) {
      yield {
        promptId: sample.promptId,
        sampleIndex: sample.sampleIndex,
        text: sample.text,
        tokenIds: Array.from(sample.tokens),
        tokenLogprobs: Array.from(sample.logprobs),
        tokenEntropies: Array.from(sample.entropies),
        finishReason:
          sample.finishReason === 'stop'
            ? FinishReason.FINISH_REASON_STOP
            : FinishReason.FINISH_REASON_LENGTH,
        promptTokens: sample.promptTokens,
        entropyKind: EntropyKind.ENTROPY_KIND_EXACT,
        tokenEntropyErrors: [],
        completionTokens: sample.tokens.length,
      };
    }
  }

  /** One that is computed and one that waits, for every worker. */
  get scoringConcurrency(): number {
    return 2 * this.#pool.size;
  }

  score(
    items: readonly ScoringRequestItem[],
    adapter: HostedAdapter | undefined,
    signal: AbortSignal,
  ): Promise<ItemScore[]> {
    return this.#pool.score({ items, adapter: adapter?.folder }, signal);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
