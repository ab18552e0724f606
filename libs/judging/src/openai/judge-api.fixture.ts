// A chat API of the tests' own that judges: it prefers the longer solution, counts what it was paid for, and fails when it is told to.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/** What to do with a request instead of answering it well. */
export type JudgeFault =
  | { readonly status: number; readonly message?: string; readonly headers?: Record<string, string> }
  /** Another text than a verdict. */
  | { readonly content: string; readonly finish?: string; readonly refusal?: string }
  /** Never answer. */
  | 'hang'
  /** End in the middle of the JSON, as if that were all. */
  | 'truncate'
  /** Break the connection in the middle of the body. */
  | 'cut'
  /** Break the connection before there is a body. */
  | 'down';

/** How the API behaves. */
export interface JudgeApiBehaviour {
  readonly model: string;
  readonly apiKey: string;
  /** What it takes; what it does not take it refuses. */
  readonly accepts: { readonly schema: boolean; readonly logprobs: boolean };
  /** Whether it takes log-probabilities, and does not give any. */
  readonly withholdsLogprobs: boolean;
  /** Whether it has a list of models. */
  readonly lists: boolean;
  /** How long an answer takes. */
  readonly delayMs: number;
  /** The fault for the n-th request for an answer, from 1. */
  readonly fault: (n: number) => JudgeFault | undefined;
}

/** A running API. */
export class JudgeApi {
  behaviour: JudgeApiBehaviour;
  /** Answers by what was shown: what has been paid for, and how often. */
  readonly paid = new Map<string, number>();
  /** Bodies of all requests for answers. */
  readonly asked: Record<string, unknown>[] = [];
  /** `traceparent` of all requests for answers. */
  readonly traceparents: (string | undefined)[] = [];
  /** Most requests at a time. */
  peak = 0;
  #running = 0;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });

  constructor(behaviour: Partial<JudgeApiBehaviour> = {}) {
    this.behaviour = {
      model: 'arbiter',
      apiKey: '',
      accepts: { schema: true, logprobs: true },
      withholdsLogprobs: false,
      lists: true,
      delayMs: 2,
      fault: () => undefined,
      ...behaviour,
    };
  }

  /** Listens; returns the base URL. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the server has no address');
    return `http://127.0.0.1:${address.port}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** All answers that were paid for. */
  get calls(): number {
    return [...this.paid.values()].reduce((sum, times) => sum + times, 0);
  }

  async #serve(
    request: AsyncIterable<Uint8Array> & {
      url?: string;
      headers: { authorization?: string; traceparent?: string };
    },
    response: ServerResponse,
  ) {
    const { model, apiKey, accepts, lists, delayMs, fault } = this.behaviour;
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const refuse = (status: number, message: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify({ error: { message, type: 'error' } }));
    };
    if (request.url === '/v1/models' && fault(this.asked.length + 1) === 'down') return response.destroy();
    // A server that repeats what it was sent.
    if (apiKey !== '' && request.headers.authorization !== `Bearer ${apiKey}`)
      return refuse(401, `Incorrect API key provided: ${request.headers.authorization}`);
    if (request.url === '/v1/models') {
      if (!lists) return refuse(404, 'not found');
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ data: [{ id: model, owned_by: 'test' }] }));
    }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    this.asked.push(body);
    this.traceparents.push(request.headers.traceparent);
    const failure = fault(this.asked.length);
    if (failure === 'hang') return;
    if (failure === 'down') return response.destroy();
    this.#running++;
    this.peak = Math.max(this.peak, this.#running);
    await setTimeout(delayMs);
    this.#running--;
    if (body.model !== model) return refuse(404, `The model \`${String(body.model)}\` does not exist`);
    if (typeof failure === 'object' && 'status' in failure)
      return refuse(failure.status, failure.message ?? 'told to fail', failure.headers);
    if (body.logprobs !== undefined && !accepts.logprobs)
      return refuse(400, "Unsupported parameter: 'logprobs'");
    if (body.response_format !== undefined && !accepts.schema)
      return refuse(400, "'response_format' of type json_schema is not supported");
    const text = JSON.stringify(this.#answer(body, typeof failure === 'object' ? failure : undefined));
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(failure === 'cut' ? { 'content-length': Buffer.byteLength(text) } : {}),
    });
    if (failure === 'cut') {
      response.write(text.slice(0, text.length / 2));
      await setTimeout(5);
      return response.destroy();
    }
    response.end(failure === 'truncate' ? text.slice(0, text.length / 2) : text);
  }

  #answer(
    body: Record<string, unknown>,
    told: { content: string; finish?: string; refusal?: string } | undefined,
  ) {
    const prompt = (body.messages as { content: string }[])[0]?.content ?? '';
    const [first = '', second = ''] = [0, 1].map(
      (place) =>
        new RegExp(`\\[solution ${place} \\w{8}\\]\\n([^]*?)\\n\\[end of solution ${place} `).exec(
          prompt,
        )?.[1],
    );
    const key = JSON.stringify([first, second]);
    this.paid.set(key, (this.paid.get(key) ?? 0) + 1);
    const certainty = 0.9;
    const digit = first.length >= second.length ? '0' : '1';
    const json = body.response_format !== undefined;
    const pieces = json ? ['{"', 'better', '":', ' "', digit, '"}'] : ['Judg', 'ment', ':', ` ${digit}`];
    const spelt = (which: string): string => (json ? which : ` ${which}`);
    const content = pieces.map((token) => ({
      token,
      logprob: token.trim() === digit ? Math.log(certainty) : -0.01,
      top_logprobs:
        token.trim() === digit
          ? [
              { token: spelt(digit), logprob: Math.log(certainty) },
              { token: spelt(digit === '0' ? '1' : '0'), logprob: Math.log(1 - certainty) },
            ]
          : [{ token, logprob: -0.01 }],
    }));
    return {
      model: body.model,
      choices: [
        {
          index: 0,
          finish_reason: told?.finish ?? 'stop',
          message: {
            role: 'assistant',
            content: told?.content ?? pieces.join(''),
            ...(told?.refusal === undefined ? {} : { refusal: told.refusal }),
          },
          logprobs:
            body.logprobs === true && !this.behaviour.withholdsLogprobs && told === undefined
              ? { content }
              : null,
        },
      ],
      usage: { prompt_tokens: 100, completion_tokens: pieces.length, total_tokens: 100 + pieces.length },
    };
  }
}
