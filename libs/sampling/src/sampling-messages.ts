// What a sampling pool and its worker threads say to each other. A job is a number that the pool chooses.
import { type Int8Parameters, type Message, type ParameterMap } from '@overtone/language-model';
import { type Hardware, type PackedWeights } from '@overtone/tensor';
import { type EngineWork } from './engine-work.ts';
import { type Sample, type SampleRange, type SamplingOptions } from './sampler.ts';

/** How a worker is set up; its `workerData`. */
export interface WorkerSettings {
  /** The model folder. */
  readonly folder: string;
  /** On shared memory: all workers read the same weights. */
  readonly parameters: ParameterMap;
  /** Weights in eight bits, which are not among the parameters. */
  readonly int8: Int8Parameters;
  /** Samples decoded at once. */
  readonly slots: number;
  /** Adapters kept, the least recently used dropped first. */
  readonly adapters: number;
  /** This worker's memory for keys and values, bytes. */
  readonly cacheBytes: number;
  /** What programs run on. */
  readonly hardware: Hardware;
  /** Where the programs of all workers keep the frozen weights; undefined to feed them. */
  readonly packed: PackedWeights | undefined;
}

/** A prompt: a conversation, to which the chat template and the generation prompt are added, or token ids. */
export type PromptContent =
  { readonly messages: readonly Message[] } | { readonly tokens: Int32Array | readonly number[] };

/** What is scored after a prompt. */
export type ScoringTarget =
  /** A whole completion; the end token is appended and scored too. */
  | { readonly completion: string; /** Whether to say where its tokens end. */ readonly ends?: boolean }
  /** A completion as token ids, scored as they are; at least one. */
  | { readonly tokens: readonly number[] }
  /** Alternatives, each the beginning of the answer, as text or as token ids. */
  | { readonly continuations: readonly (string | readonly number[])[] };

/** A prompt and what is scored after it. */
export type ScoringRequestItem = PromptContent & { readonly target: ScoringTarget };

/** A finished sample, with its text. */
export interface FinishedSample extends Omit<Sample, 'tokens' | 'logprobs' | 'entropies'> {
  /** Without the end token; up to the string that ended it. */
  readonly text: string;
  /** With the end token, or those of the string that ended it, when there is one. */
  readonly tokens: Int32Array;
  /** Of each token, at temperature 1 over the full vocabulary, nats. */
  readonly logprobs: Float32Array;
  /** Of the distribution that each token was chosen from, at temperature 1 over the full vocabulary, nats. */
  readonly entropies: Float32Array;
}

/** The scores of an item. */
export interface ItemScore {
  readonly promptTokens: number;
  /** One entry for a completion, one for each continuation otherwise; one number a token, nats. */
  readonly texts: readonly {
    readonly logprobs: Float32Array;
    readonly entropies: Float32Array;
    /** Characters (code points) of the text up to the end of each token; only when asked for. */
    readonly ends?: readonly number[];
  }[];
}

/** A prompt as token ids. */
export interface EncodedPrompt {
  readonly id: string;
  readonly tokens: Int32Array;
  /** Which samples of it. Default: all. */
  readonly samples?: SampleRange | undefined;
}

/** What was wrong, in a form that crosses threads. */
export interface Failure {
  readonly kind: 'input' | 'model' | 'cancelled' | 'internal';
  readonly message: string;
  /** Input: the index of the prompt or item. */
  readonly item?: number;
}

/** From the pool to a worker. */
export type ToWorker =
  | { readonly type: 'encode'; readonly job: number; readonly prompts: readonly PromptContent[] }
  | {
      readonly type: 'sample';
      readonly job: number;
      readonly adapter: string | undefined;
      readonly options: SamplingOptions;
      /** Tokens of the call's longest prompt. */
      readonly longest: number;
      /** Samples that may be sent before more is granted. */
      readonly credits: number;
    }
  /** The answer to `hungry`; none means that there are no more. */
  | { readonly type: 'prompts'; readonly job: number; readonly prompts: readonly EncodedPrompt[] }
  | { readonly type: 'credit'; readonly job: number; readonly count: number }
  | {
      readonly type: 'score';
      readonly job: number;
      readonly adapter: string | undefined;
      readonly items: readonly ScoringRequestItem[];
    }
  | { readonly type: 'cancel'; readonly job: number }
  | { readonly type: 'close' }
  /** For tests: throw where nothing catches. */
  | { readonly type: 'crash' };

/** From a worker to the pool. `done` and `failed` end a job. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'unusable'; readonly failure: Failure }
  | { readonly type: 'encoded'; readonly job: number; readonly prompts: readonly Int32Array[] }
  | { readonly type: 'hungry'; readonly job: number }
  /** What has been computed for a job. */
  | { readonly type: 'work'; readonly job: number; readonly work: readonly EngineWork[] }
  | { readonly type: 'sample'; readonly job: number; readonly sample: FinishedSample }
  | { readonly type: 'scored'; readonly job: number; readonly scores: readonly ItemScore[] }
  | { readonly type: 'done'; readonly job: number }
  | { readonly type: 'failed'; readonly job: number; readonly failure: Failure };
