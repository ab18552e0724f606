// A completion: one sampled answer as a server tells it, read from its JSON.
import { z } from 'zod';
import { ServerError } from './server-error.ts';

/** A token and its log-probability, nats. */
export interface TokenLogprob {
  /** The token's id, where the server tells it. */
  readonly id: number | undefined;
  readonly text: string;
  readonly logprob: number;
}

/** A sampled token. */
export interface SampledToken extends TokenLogprob {
  /** The most probable tokens at its place. */
  readonly top: readonly TokenLogprob[];
}

/** A finished answer. */
export interface Completion {
  /** Without the end token, and without a stop string. */
  readonly text: string;
  /** The sampled tokens with their log-probabilities; undefined where the server gives none. */
  readonly tokens: readonly SampledToken[] | undefined;
  /** The ids of all sampled tokens; undefined where the server does not tell them. */
  readonly tokenIds: readonly number[] | undefined;
  readonly finishReason: 'stop' | 'length';
  /** The stop string that ended it, where the server says so; null says that it was the end token. */
  readonly stopString: string | null | undefined;
  readonly promptTokens: number;
  /** With the end token. */
  readonly completionTokens: number;
  /** The model that answered, as the server names it. */
  readonly model: string;
}

const token = {
  id: z.int().nonnegative().optional(),
  token: z.string(),
  logprob: z.number(),
};

const choice = z.object({
  finish_reason: z.string(),
  message: z.object({
    content: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    reasoning: z.string().nullish(),
  }),
  logprobs: z
    .object({
      content: z.array(z.object({ ...token, top_logprobs: z.array(z.object(token)).nullish() })).nullish(),
    })
    .nullish(),
  // vLLM.
  token_ids: z.array(z.int().nonnegative()).nullish(),
  stop_reason: z.union([z.string(), z.number()]).nullish(),
});

const answer = z.object({
  model: z.string(),
  choices: z.tuple([choice], z.unknown()),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }),
});

/**
 * Reads an answer to a request for chat completions.
 *
 * @param server Named in errors.
 * @throws {ServerError} for one that is none, or that would be a falsified solution.
 */
export function readCompletion(body: unknown, server: string): Completion {
  const parsed = answer.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ServerError(
      'malformed',
      `${server}: the answer is no chat completion: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  const {
    model,
    choices: [first],
    usage,
  } = parsed.data;
  const { finish_reason: reason, message, logprobs, token_ids: ids, stop_reason: stop } = first;
  if ((message.reasoning_content ?? message.reasoning ?? '') !== '') {
    throw new ServerError(
      'set-up',
      `${server}: it takes the reasoning out of the answer, which is part of the solution; start it without a reasoning parser (vLLM, SGLang: no --reasoning-parser; llama-server: --reasoning-format none)`,
    );
  }
  if (reason === 'abort') throw new ServerError('unreachable', `${server}: the answer was broken off`);
  if (reason !== 'stop' && reason !== 'length') {
    throw new ServerError(
      'set-up',
      `${server}: the answer ended for the reason "${reason}", expected stop or length`,
    );
  }
  const content = logprobs?.content;
  const tokens = content?.map(({ id, token: text, logprob, top_logprobs: top }) => ({
    id,
    text,
    logprob,
    top: (top ?? []).map((other) => ({ id: other.id, text: other.token, logprob: other.logprob })),
  }));
  const known = tokens?.flatMap(({ id }) => (id === undefined ? [] : [id]));
  return {
    text: message.content ?? '',
    // Ollama and others answer `logprobs: null`, or an empty list, where they have none.
    tokens: tokens === undefined || (tokens.length === 0 && usage.completion_tokens > 0) ? undefined : tokens,
    tokenIds:
      ids ?? (known !== undefined && known.length > 0 && known.length === tokens?.length ? known : undefined),
    finishReason: reason,
    stopString: typeof stop === 'string' ? stop : ids && stop === null ? null : undefined,
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    model,
  };
}
