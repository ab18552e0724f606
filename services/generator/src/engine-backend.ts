// The embedded engine as a backend: a pool of worker threads, whose samples come with exact entropies.
import {
  EntropyKind,
  FinishReason,
  type DescribeModelResponse,
  type GenerateResponse,
} from '@overtone/contracts';
import {
  SamplingPool,
  type FinishedSample,
  type ItemScore,
  type ScoringRequestItem,
} from '@overtone/sampling';
import { type GeneratorBackend, type HostedAdapter, type SamplingRequest } from './backend.ts';
import { type EngineConfiguration } from './configuration.ts';
import { EngineTelemetry } from './engine-telemetry.ts';

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
    const engine = new EngineTelemetry();
    const request = { prompts, options, adapter: adapter?.folder, onWork: engine.onWork };
    try {
      for await (const sample of this.#pool.generate(request, signal)) yield response(sample);
    } finally {
      engine.close();
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
    return scoreOn(this.#pool, items, adapter, signal);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Scores items on a pool, with what its threads compute in the trace. */
export async function scoreOn(
  pool: SamplingPool,
  items: readonly ScoringRequestItem[],
  adapter: HostedAdapter | undefined,
  signal: AbortSignal,
): Promise<ItemScore[]> {
  const engine = new EngineTelemetry();
  try {
    return await pool.score({ items, adapter: adapter?.folder, onWork: engine.onWork }, signal);
  } finally {
    engine.close();
  }
}

function response(sample: FinishedSample): GenerateResponse {
  return {
    promptId: sample.promptId,
    sampleIndex: sample.sampleIndex,
    text: sample.text,
    tokenIds: Array.from(sample.tokens),
    tokenLogprobs: Array.from(sample.logprobs),
    tokenEntropies: Array.from(sample.entropies),
    finishReason:
      sample.finishReason === 'stop' ? FinishReason.FINISH_REASON_STOP : FinishReason.FINISH_REASON_LENGTH,
    promptTokens: sample.promptTokens,
    entropyKind: EntropyKind.ENTROPY_KIND_EXACT,
    tokenEntropyErrors: [],
    completionTokens: sample.tokens.length,
  };
}
