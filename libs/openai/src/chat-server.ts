// A chat server: an OpenAI-compatible server with one model of it. What it can do is asked of it when it is opened, not assumed.
import { withChatSpan } from './chat-span.ts';
import { readCompletion, type Completion, type SampledToken } from './completion.ts';
import { dialectOf, extraParameters, type Dialect } from './dialect.ts';
import { chooseModel, identity, listModels } from './model-list.ts';
import { ServerError } from './server-error.ts';
import { Transport, type TransportOptions } from './transport.ts';

/** Which model of which server. */
export interface ChatServerOptions extends TransportOptions {
  /** The model's id on the server. Default: the only one that the server has. */
  readonly model?: string;
  /** The most probable tokens to ask for at every place, with every completion. Default 0: the sampled one alone. */
  readonly topLogprobs?: number;
}

/** What a server turned out to be. */
export interface ServerProfile {
  /** Its base URL. */
  readonly server: string;
  readonly dialect: Dialect;
  /** The model's id. */
  readonly model: string;
  /** SHA-256 over the address, the model's id, and what the server says of it (source, sizes): another model, another hash. */
  readonly sha256: string;
  /** Tokens in the vocabulary, where the server says so. */
  readonly vocabularySize: number | undefined;
  /** Longest sequence, tokens, where the server says so. */
  readonly contextLength: number | undefined;
  readonly parameters: number | undefined;
  /**
   * Log-probabilities: none; `raw`, at temperature 1 over the full vocabulary whatever is sampled with; or `processed`, of the
   * tempered and cut distribution that is sampled from.
   */
  readonly logprobs: 'none' | 'raw' | 'processed';
}

/** One sample to draw. */
export interface CompletionRequest {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number;
  readonly stop: readonly string[];
  /** A loaded adapter's name; default: the model itself. */
  readonly adapter?: string;
}

/** Most tokens that every known server gives without being told to. */
const PROBED_LOGPROBS = 5;
/** Log-probabilities of two runs differ by rounding and batching; tempering and cutting move them by at least ln 2. */
const SAME_LOGPROB = 0.3;

/** One model of a server. */
export class ChatServer {
  readonly profile: ServerProfile;
  readonly transport: Transport;
  readonly #topLogprobs: number;
  /** How the server names the model in its answers. */
  readonly #answersAs: string;

  /**
   * Asks a server what it has and what it can do: its list of models, and two samples of one token.
   *
   * @throws {ServerError} when it cannot be reached, refuses the key, or does not have the model.
   */
  static async open(options: ChatServerOptions, signal?: AbortSignal): Promise<ChatServer> {
    const transport = new Transport(options);
    try {
      const listed = await listModels(transport, signal);
      const model = chooseModel(listed, options.model, transport.server);
      const dialect = dialectOf(model.owned_by ?? undefined);
      const topLogprobs = options.topLogprobs ?? 0;
      const { logprobs, answersAs } = await probe(transport, dialect, model.id, topLogprobs, signal);
      const meta = (key: string): number | undefined => {
        const value = model.meta?.[key];
        return typeof value === 'number' ? value : undefined;
      };
      const profile = {
        server: transport.server,
        dialect,
        model: model.id,
        sha256: identity(transport.server, model),
        vocabularySize: meta('n_vocab'),
        contextLength: model.max_model_len ?? meta('n_ctx'),
        parameters: meta('n_params'),
        logprobs,
      };
      return new ChatServer(transport, profile, topLogprobs, answersAs);
    } catch (error) {
      await transport.close();
      throw error;
    }
  }

  private constructor(transport: Transport, profile: ServerProfile, topLogprobs: number, answersAs: string) {
    this.transport = transport;
    this.profile = profile;
    this.#topLogprobs = topLogprobs;
    this.#answersAs = answersAs;
  }

  /**
   * Draws one sample. One request a sample: so it has its own seed, is tried again alone, and arrives when it is finished;
   * prompts are shared by the server's own prefix cache.
   *
   * @throws {ServerError}
   */
  async complete(request: CompletionRequest, signal?: AbortSignal): Promise<Completion> {
    const { dialect, model: own, logprobs, server } = this.profile;
    const model = request.adapter ?? own;
    const asked = logprobs === 'none' ? undefined : this.#topLogprobs;
    const body = requestBody(dialect, model, request, asked);
    const answer = await withChatSpan({ ...request, server, model }, () =>
      this.transport.post('/chat/completions', body, signal),
    );
    const completion = readCompletion(answer, server);
    if (request.adapter === undefined && completion.model !== this.#answersAs) {
      throw new ServerError(
        'set-up',
        `${server}: "${completion.model}" answers, it was "${this.#answersAs}" at the start; start the generator again to sample from another model`,
      );
    }
    return completion;
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.transport.close();
  }
}

function requestBody(
  dialect: Dialect,
  model: string,
  { messages, temperature, topP, maxTokens, seed, stop }: CompletionRequest,
  topLogprobs: number | undefined,
): Record<string, unknown> {
  return {
    model,
    messages: messages.map(({ role, content }) => ({ role, content })),
    temperature,
    top_p: topP,
    max_tokens: maxTokens,
    seed,
    ...(stop.length === 0 ? {} : { stop: [...stop] }),
    ...(topLogprobs === undefined ? {} : { logprobs: true }),
    ...(topLogprobs ? { top_logprobs: topLogprobs } : {}),
    ...extraParameters(dialect),
  };
}

/** What the log-probabilities of two very differently tempered and cut samples tell of a server. */
async function probe(
  transport: Transport,
  dialect: Dialect,
  model: string,
  topLogprobs: number,
  signal: AbortSignal | undefined,
): Promise<{ logprobs: ServerProfile['logprobs']; answersAs: string }> {
  const ask = async (temperature: number, topP: number, asked: number | undefined): Promise<Completion> => {
    const messages = [{ role: 'user', content: 'Write the first word that comes to mind.' }];
    const request = { messages, temperature, topP, maxTokens: 1, seed: 1, stop: [] };
    const body = requestBody(dialect, model, request, asked);
    return readCompletion(await transport.post('/chat/completions', body, signal), transport.server);
  };
  const asked = Math.max(topLogprobs, PROBED_LOGPROBS);
  const plain = await ask(1, 1, asked).catch(async (error: unknown) => {
    // Without the limit that the request may have broken, or the feature that the server does not have.
    if (topLogprobs > 0 || !(error instanceof ServerError) || error.kind !== 'refused') throw error;
    return ask(1, 1, undefined);
  });
  const answersAs = plain.model;
  const [first] = plain.tokens ?? [];
  if (first === undefined || first.top.length < 2) return { logprobs: 'none', answersAs };
  const [other] = (await ask(0.25, 0.5, asked)).tokens ?? [];
  return { logprobs: other !== undefined && agree(first, other) ? 'raw' : 'processed', answersAs };
}

function agree({ top }: SampledToken, other: SampledToken): boolean {
  const logprobs = new Map(other.top.map(({ text, logprob }) => [text, logprob]));
  return top
    .slice(0, 3)
    .every(({ text, logprob }) => Math.abs((logprobs.get(text) ?? -Infinity) - logprob) < SAME_LOGPROB);
}
