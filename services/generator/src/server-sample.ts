// A sample that a server drew, and what of it can honestly be said in the contract's terms.
import { type EntropyKind, FinishReason, type GenerateResponse } from '@overtone/contracts';
import { type Tokenizer } from '@overtone/language-model';
import { entropyInterval, type Completion, type SampledToken } from '@overtone/openai';

/** Entropies for a sample. */
export interface SampleEntropies {
  /** One a token, nats. */
  readonly entropies: readonly number[];
  /** Their bounds, or none. */
  readonly errors: readonly number[];
  /** Log-probabilities that came with them, for a sample that has none of its own. */
  readonly logprobs?: readonly number[];
}

/** What a sample is made of. */
export interface ServerSampleParts {
  readonly promptIndex: number;
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly completion: Completion;
  /** Whether its log-probabilities are at temperature 1 over the full vocabulary. */
  readonly honest: boolean;
  /** Whether stop strings were asked for. */
  readonly stopStrings: boolean;
  /** The tokenizer of the same model, where there is one. */
  readonly tokenizer: Tokenizer | undefined;
}

/** A finished sample. */
export class ServerSample {
  readonly promptIndex: number;
  readonly promptId: string;
  readonly promptTokens: number;
  /** The sampled tokens with log-probabilities as the contract wants them; undefined where there are none such. */
  readonly tokens: readonly SampledToken[] | undefined;
  readonly #parts: ServerSampleParts;
  readonly #tokenIds: readonly number[] | undefined;

  constructor(parts: ServerSampleParts) {
    const { promptIndex, promptId, completion, honest } = parts;
    this.promptIndex = promptIndex;
    this.promptId = promptId;
    this.promptTokens = completion.promptTokens;
    this.tokens = honest ? completion.tokens : undefined;
    this.#parts = parts;
    this.#tokenIds = completion.tokenIds ?? matchedIds(parts);
  }

  /** The tokens to run through local weights: the sampled ones where they are known, else those of the text. */
  tokensToForce(): readonly number[] {
    const { completion, tokenizer } = this.#parts;
    if (this.#tokenIds !== undefined) return this.#tokenIds;
    if (tokenizer === undefined) return [];
    const ended = endedByToken(this.#parts) ? [tokenizer.eosTokenId] : [];
    return [...tokenizer.encode(completion.text), ...ended];
  }

  /** The sample in the contract's terms. */
  response(kind: EntropyKind, known: SampleEntropies | undefined): GenerateResponse {
    const { promptId, sampleIndex, completion } = this.#parts;
    const tokenIds = this.#tokenIds ?? [];
    const own = this.tokens?.map(({ logprob }) => logprob);
    // A list that is not as long as the tokens cannot be read beside them.
    const fits = own !== undefined && (tokenIds.length === 0 || own.length === tokenIds.length);
    return {
      promptId,
      sampleIndex,
      text: completion.text,
      tokenIds: [...tokenIds],
      tokenLogprobs: fits ? own : [...(known?.logprobs ?? [])],
      tokenEntropies: [...(known?.entropies ?? [])],
      finishReason:
        completion.finishReason === 'stop'
          ? FinishReason.FINISH_REASON_STOP
          : FinishReason.FINISH_REASON_LENGTH,
      promptTokens: completion.promptTokens,
      entropyKind: kind,
      tokenEntropyErrors: [...(known?.errors ?? [])],
      completionTokens: completion.completionTokens,
    };
  }
}

/** The middle and half the width of the interval that holds each token's entropy. */
export function topKEntropies({ tokens = [] }: ServerSample, vocabularySize: number): SampleEntropies {
  const intervals = tokens.map((sampled) => {
    const others = sampled.top.filter((token) => !isSame(token, sampled)).map(({ logprob }) => logprob);
    return entropyInterval({
      logprobs: [sampled.logprob, ...others],
      // A server may put the sampled token, however improbable, in the place of the last of the most probable ones.
      ceiling: others.length === 0 ? 0 : Math.min(...others),
      vocabularySize,
    });
  });
  return {
    entropies: intervals.map(({ lower, upper }) => (lower + upper) / 2),
    errors: intervals.map(({ lower, upper }) => (upper - lower) / 2),
  };
}

function isSame(
  a: { id: number | undefined; text: string },
  b: { id: number | undefined; text: string },
): boolean {
  return a.id === undefined || b.id === undefined ? a.text === b.text : a.id === b.id;
}

/** Whether the end token ended it: a stop string may have done so where any was asked for, and not every server tells. */
function endedByToken({ completion, stopStrings }: ServerSampleParts): boolean {
  if (completion.finishReason !== 'stop') return false;
  return !stopStrings || completion.stopString === null;
}

/** The ids of tokens that the server gives as text alone; undefined unless the local tokenizer splits the text in the very same way. */
function matchedIds(parts: ServerSampleParts): readonly number[] | undefined {
  const { completion, tokenizer } = parts;
  const { tokens, text } = completion;
  if (tokenizer === undefined || tokens === undefined) return undefined;
  const ids = tokenizer.encode(text);
  const spelt = tokens.slice(0, ids.length).every(({ text: spelling }, at) => {
    const id = ids[at];
    return id !== undefined && tokenizer.decode([id]) === spelling;
  });
  if (!spelt) return undefined;
  if (tokens.length === ids.length) return ids;
  return tokens.length === ids.length + 1 && endedByToken(parts) ? [...ids, tokenizer.eosTokenId] : undefined;
}
