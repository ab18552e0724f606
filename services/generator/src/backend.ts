// A backend: whatever samples and scores behind the GeneratorService contract.
import { type DescribeModelResponse, type GenerateResponse } from '@overtone/contracts';
import { type Message } from '@overtone/language-model';
import { type ItemScore, type SamplingOptions, type ScoringRequestItem } from '@overtone/sampling';

/** An adapter whose files are at hand. */
export interface HostedAdapter {
  /** SHA-256 of its folder's manifest. */
  readonly sha256: string;
  /** Its folder, in PEFT's format. */
  readonly folder: string;
}

/** A checked request to sample. */
export interface SamplingRequest {
  /** At least one; their ids are unique. */
  readonly prompts: readonly { readonly id: string; readonly messages: readonly Message[] }[];
  readonly options: SamplingOptions & { readonly stop: readonly string[] };
  /** Undefined means the base model. */
  readonly adapter: HostedAdapter | undefined;
}

/** What hosts a model. Errors are those of the sampling pool, `ServerError`, or an `RpcError`. */
export interface GeneratorBackend {
  /** What is hosted. */
  describe(): DescribeModelResponse;
  /** Samples, in completion order. Refuses what it cannot do before it samples anything. */
  generate(request: SamplingRequest, signal: AbortSignal): AsyncIterable<GenerateResponse>;
  /** Batches of items that may be scored at a time. */
  readonly scoringConcurrency: number;
  /** Scores items, in their order. */
  score(
    items: readonly ScoringRequestItem[],
    adapter: HostedAdapter | undefined,
    signal: AbortSignal,
  ): Promise<readonly ItemScore[]>;
  /** Ends what runs, and lets everything go. */
  close(): Promise<void>;
}
