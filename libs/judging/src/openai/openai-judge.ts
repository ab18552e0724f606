// Any OpenAI-compatible chat API as a judge. What the server accepts (log-probabilities, JSON schemas) is found out with the first
// comparison, which steps down from the most that can be asked for; no call is spent on finding out.
import { readFileSync } from 'node:fs';
import type { CompareRequest, CompareResponse, DescribeResponse } from '@overtone/contracts';
import {
  chooseModel,
  identity,
  listModels,
  ServerError,
  Transport,
  withChatSpan,
  type Listed,
  type TransportOptions,
} from '@overtone/openai';
import {
  abortable,
  failedPrecondition,
  mapConcurrent,
  type RpcError,
  unavailable,
  until,
} from '@overtone/rpc';
import { inItem } from '@overtone/telemetry';
import { fingerprint } from '../fingerprint.ts';
import { CHAT_TEMPLATE_TOKENS } from '../generator-judge.ts';
import type { JudgeBackend } from '../judge-backend.ts';
import { UNREADABLE } from '../read-verdict.ts';
import { renderTemplate, templateBytes, type JudgingTemplate } from '../template.ts';
import { CircuitBreaker, CircuitOpen, type CircuitBreakerOptions } from './circuit-breaker.ts';
import { nextDemands, requestBody, type Demands } from './demands.ts';
import { readAnswer, type ReadOptions } from './read-answer.ts';
import type { JudgeMode } from './settings.ts';

/** Which API judges, and how. */
export interface OpenAiJudgeOptions extends TransportOptions {
  /** The model's id. Default: the only one that the server has. */
  readonly model?: string;
  /** The judging prompt. */
  readonly template: JudgingTemplate;
  /** A name for reports. Default "openai". */
  readonly name?: string;
  /** Default auto. */
  readonly mode?: JudgeMode;
  /** Most tokens of an analysis before the verdict. Default 0: the verdict alone. */
  readonly analysisTokens?: number;
  /** Most tokens of an answer; models that think before they answer need more. Default: those of the analysis and 32. */
  readonly maxTokens?: number;
  /** Further parameters of every request, for example {"reasoning_effort": "low"}. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** When to stop asking a server that fails. */
  readonly breaker?: CircuitBreakerOptions;
}

/** How the line of the verdict is asked for as JSON. */
const JSON_FORMS = {
  verdict: readForm('json-verdict'),
  analysis: readForm('json-analysis'),
};

function readForm(name: string): string {
  return readFileSync(new URL(`../../templates/${name}.txt`, import.meta.url), 'utf8').trimEnd();
}

/** What a comparison came to: its verdict, or why no further one can be had. */
type Outcome = { readonly verdict: CompareResponse } | { readonly failure: RpcError };

/** A judge behind a chat API. @throws {ServerError} when the address is none. */
export function openAiJudge(options: OpenAiJudgeOptions): JudgeBackend & { close(): Promise<void> } {
  return new OpenAiJudge(options);
}

class OpenAiJudge implements JudgeBackend {
  readonly #options: OpenAiJudgeOptions;
  readonly #transport: Transport;
  readonly #breaker: CircuitBreaker;
  readonly #analysisTokens: number;
  readonly #maxTokens: number;
  /** What the server is asked for; less, once it has refused something. */
  #demands: Demands;
  /** Whether the server has answered as demanded, so that nothing is to be found out any more. */
  #settled = false;
  #trial: Promise<void> | undefined;
  /** What the mode cannot do without. */
  readonly #needs: Pick<Demands, 'schema' | 'logprobs'>;
  #listed: Promise<Listed> | undefined;

  constructor(options: OpenAiJudgeOptions) {
    const { mode = 'auto', analysisTokens = 0 } = options;
    this.#options = options;
    this.#transport = new Transport(options);
    this.#breaker = new CircuitBreaker(options.breaker);
    this.#analysisTokens = analysisTokens;
    this.#maxTokens = options.maxTokens ?? analysisTokens + 32;
    this.#needs = { schema: mode === 'json-schema', logprobs: mode === 'logprobs' };
    this.#demands = {
      temperature: true,
      tokens: 'max_tokens',
      // An answer in JSON also has its digit where it can be found.
      schema: mode !== 'text',
      logprobs: mode === 'auto' || mode === 'logprobs',
    };
  }

  async describe(signal: AbortSignal): Promise<DescribeResponse> {
    const { template, name = 'openai', mode = 'auto', parameters = {} } = this.#options;
    const model = await this.#findModel(signal);
    const form = this.#form;
    return {
      name,
      backend: 'openai',
      fingerprint: fingerprint({
        backend: 'openai',
        model: identity(this.#transport.server, model),
        template: template.sha256,
        form,
        mode,
        analysisTokens: String(this.#analysisTokens),
        maxTokens: String(this.#maxTokens),
        parameters: JSON.stringify(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))),
      }),
      costBound: {
        // Some servers count the schema.
        promptTokens: templateBytes(template) + Buffer.byteLength(form) + 2 * CHAT_TEMPLATE_TOKENS,
        promptTokensPerByte: 1,
        completionTokens: this.#maxTokens,
      },
    };
  }

  async *compare(
    requests: AsyncIterable<CompareRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<CompareResponse> {
    const stop = new AbortController();
    let failure: RpcError | undefined;
    const judged = mapConcurrent(
      until(requests, stop.signal),
      (request, ended) => inItem(request, () => this.#judge(request, ended)),
      { limit: this.#transport.concurrency, signal },
    );
    for await (const outcome of judged) {
      if ('verdict' in outcome) {
        yield outcome.verdict;
      } else {
        // Nothing more is asked; what is under way has been paid for, and still arrives.
        failure ??= outcome.failure;
        stop.abort();
      }
    }
    if (failure !== undefined) throw failure;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  get #form(): string {
    return this.#analysisTokens > 0 ? JSON_FORMS.analysis : JSON_FORMS.verdict;
  }

  /** The model as the server lists it; found once. */
  async #findModel(signal: AbortSignal): Promise<Listed> {
    const finding = (this.#listed ??= listModels(this.#transport, undefined).then((listed) =>
      chooseModel(listed, this.#options.model, this.#transport.server, "the judge's model"),
    ));
    try {
      // Shared by all who ask: one who goes away does not take it along.
      return await abortable(finding, signal);
    } catch (error) {
      if (this.#listed === finding) this.#listed = undefined;
      throw asStatus(error);
    }
  }

  async #judge(request: CompareRequest, signal: AbortSignal): Promise<Outcome> {
    try {
      return { verdict: await this.#inTurn(request, signal) };
    } catch (error) {
      signal.throwIfAborted();
      return { failure: asStatus(error) };
    }
  }

  /** One at a time until it is known what the server accepts, then all at once. */
  async #inTurn(request: CompareRequest, signal: AbortSignal): Promise<CompareResponse> {
    while (!this.#settled) {
      if (this.#trial === undefined) {
        const trial = this.#ask(request, signal);
        this.#trial = trial.then(
          () => {},
          () => {},
        );
        try {
          return await trial;
        } finally {
          this.#trial = undefined;
        }
      }
      await this.#trial;
    }
    return this.#ask(request, signal);
  }

  /** Asks until there is an answer, or the circuit is open. */
  async #ask(request: CompareRequest, signal: AbortSignal): Promise<CompareResponse> {
    const { id } = request;
    const { id: model } = await this.#findModel(signal);
    for (;;) {
      const demands = this.#demands;
      try {
        const body = this.#body(request, model, demands);
        const answered = await this.#breaker.call(
          () => this.#chat(model, demands, () => this.#transport.post('/chat/completions', body, signal)),
          isFailure,
        );
        const read = readAnswer(answered, this.#reading(demands));
        this.#settled = true;
        return { id, ...read };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ServerError)) throw error;
        // The circuit counts it, and opens when there are too many.
        if (isFailure(error)) continue;
        const unreadable = { id, ...UNREADABLE, rationale: error.message };
        // It was answered, and may have been paid for: it is not asked for again.
        if (error.kind === 'malformed') return { ...unreadable, usage: undefined };
        if (error.kind !== 'refused') throw error;
        const free = { ...unreadable, usage: { promptTokens: 0, completionTokens: 0 } };
        if (this.#settled || isAboutContent(error)) return free;
        // Another comparison may have given something up meanwhile.
        if (this.#demands === demands) {
          const next = nextDemands(demands, error.message, this.#needs);
          if (next === undefined) throw error;
          this.#demands = next;
        }
      }
    }
  }

  /** An answer, with its span. */
  #chat(model: string, { schema, temperature }: Demands, ask: () => Promise<unknown>): Promise<unknown> {
    const server = this.#transport.server;
    const facts = { server, model, maxTokens: this.#maxTokens, json: schema };
    return withChatSpan(temperature ? { ...facts, temperature: 0 } : facts, ask);
  }

  #body(request: CompareRequest, model: string, demands: Demands): Record<string, unknown> {
    const { template, parameters = {} } = this.#options;
    const prompt = renderTemplate(template, request);
    return requestBody({
      model,
      prompt: demands.schema ? `${prompt}\n\n${this.#form}` : prompt,
      demands,
      analysis: this.#analysisTokens > 0,
      maxTokens: this.#maxTokens,
      parameters,
    });
  }

  #reading(demands: Demands): ReadOptions {
    const { mode = 'auto' } = this.#options;
    return {
      analysis: this.#analysisTokens > 0,
      json: mode === 'json-schema' ? 'required' : demands.schema ? 'allowed' : 'no',
      logprobs: mode === 'logprobs' ? 'required' : demands.logprobs ? 'allowed' : 'no',
    };
  }
}

/** Whether an error says that the server is down or too busy, also after all retries. */
function isFailure(error: unknown): boolean {
  return error instanceof ServerError && (error.kind === 'unreachable' || error.kind === 'busy');
}

/** Whether a refusal is about what was shown, not about how it was asked for. */
function isAboutContent({ message }: ServerError): boolean {
  return /context (length|size|window)|exceed|too (long|large)|content (policy|filter|management)|safety|moderat/i.test(
    message,
  );
}

function asStatus(error: unknown): RpcError {
  if (error instanceof CircuitOpen) return unavailable(error.message);
  if (!(error instanceof ServerError)) throw error;
  return isFailure(error) ? unavailable(error.message) : failedPrecondition(error.message);
}
