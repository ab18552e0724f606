// What Overtone's contestant can be asked for. The benchmark itself writes these requests, so their form is taken as it is.
import { type Message } from '@overtone/language-model';

/** Sample `newTokens` tokens after every prompt, `samples` times, none ended earlier. */
export interface SampleRequest {
  readonly op: 'sample';
  readonly prompts: readonly (readonly number[])[];
  readonly samples: number;
  readonly newTokens: number;
}

/** Steps of a LoRA training run on the same batch; the run goes on from call to call. */
export interface TrainRequest {
  readonly op: 'train';
  readonly groups: readonly {
    readonly id: string;
    readonly messages: readonly Message[];
    readonly solutions: readonly { readonly text: string; readonly score: number }[];
  }[];
  readonly steps: number;
}

/** Log-probability and entropy of every token of the continuations. */
export interface ScoreRequest {
  readonly op: 'score';
  readonly items: readonly {
    readonly prompt: readonly number[];
    readonly continuations: readonly (readonly number[])[];
  }[];
  /** The continuations are alternatives, as verdicts are. */
  readonly alternatives?: boolean;
}

/** Decoding steps alone, with entropies or without. */
export interface DecodeRequest {
  readonly op: 'decode';
  readonly entropy: boolean;
  readonly batch: number;
  readonly promptTokens: number;
  readonly steps: number;
}

/** Multiply-accumulates and bytes a second, of products of matrices. */
export interface PeaksRequest {
  readonly op: 'peaks';
}

/** Multiply-accumulates of a request, counted by computing it in one thread. */
export interface CountRequest {
  readonly op: 'count';
  readonly of: SampleRequest | ScoreRequest;
}

/** Highest resident memory so far. */
export interface MemoryRequest {
  readonly op: 'memory';
}

export type Request =
  SampleRequest | TrainRequest | ScoreRequest | DecodeRequest | CountRequest | PeaksRequest | MemoryRequest;
