// An OpenAI-compatible server of the tests' own: it answers as llama-server and vLLM were seen to, and can be told to fail.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/** A request as it arrived. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  /** Whether the client went away before it was answered. */
  abandoned: boolean;
}

/** One distribution over the vocabulary, and the token that was drawn from it. */
export interface Drawn {
  readonly id: number;
  readonly text: string;
  /** Of every token, by id, at temperature 1, nats. */
  readonly logprobs: readonly number[];
}

/** What an answer is made of. */
export interface Answer {
  readonly text: string;
  readonly tokens: readonly Drawn[];
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
}

/** What to do with a request instead of answering it well. */
export type Fault =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  /** Never answer. */
  | 'hang'
  /** End in the middle of the JSON, as if that were all. */
  | 'truncate'
  /** Break the connection in the middle of the body. */
  | 'cut'
  /** Answer after half a second. */
  | 'slow'
  /** Answer as another model. */
  | 'other-model'
  /** Take the reasoning out of the text. */
  | 'reasoning';

/** How the server behaves. */
export interface Behaviour {
  readonly ownedBy: 'llamacpp' | 'vllm';
  readonly model: string;
  readonly answer: (body: Record<string, unknown>) => Answer;
  /** Whether log-probabilities are those of the tempered distribution. */
  readonly processed: boolean;
  readonly apiKey: string;
  /** Whether adapters can be loaded. */
  readonly lora: boolean;
  /** The fault for the n-th completion (from 1), the two that ask what the server can do not counted. */
  readonly fault: (n: number) => Fault | undefined;
}

/** A running server. */
export class FakeServer {
  readonly received: Received[] = [];
  /** Names of the loaded adapters, with their paths. */
  readonly adapters = new Map<string, string>();
  /** Most completions in progress at once. */
  peak = 0;
  behaviour: Behaviour;
  #completions = 0;
  #running = 0;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });

  constructor(behaviour: Partial<Behaviour> = {}) {
    this.behaviour = {
      ownedBy: 'llamacpp',
      model: 'tiny',
      answer: tinyAnswer,
      processed: false,
      apiKey: '',
      lora: false,
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

  /** The completions that were asked for, without those that ask what the server can do. */
  get completions(): Received[] {
    return this.received.filter(({ path, body }) => path === '/v1/chat/completions' && !isProbe(body));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    const path = request.url ?? '';
    const received = { path, headers: request.headers, body, abandoned: false };
    this.received.push(received);
    response.on('close', () => (received.abandoned = !response.writableFinished));
    const { apiKey, model, ownedBy } = this.behaviour;
    if (apiKey !== '' && request.headers.authorization !== `Bearer ${apiKey}`) {
      // A server that repeats what it was sent.
      const message = `Invalid API Key: ${request.headers.authorization}`;
      return reply(response, 401, { error: { message, type: 'authentication_error', code: 401 } });
    }
    if (path === '/v1/models') {
      const meta =
        ownedBy === 'llamacpp' ? { n_vocab: VOCABULARY.length, n_ctx: 64, n_params: 9 } : undefined;
      return reply(response, 200, { object: 'list', data: [{ id: model, owned_by: ownedBy, meta }] });
    }
    if (path === '/v1/chat/completions') {
      this.#running += 1;
      this.peak = Math.max(this.peak, this.#running);
      response.on('close', () => (this.#running -= 1));
      return this.#complete(body, response);
    }
    if (path.endsWith('lora_adapter') && this.behaviour.lora) return this.#adapter(path, body, response);
    return reply(response, 404, { detail: 'Not Found' });
  }

  async #complete(body: Record<string, unknown>, response: ServerResponse): Promise<void> {
    const fault = isProbe(body) ? undefined : this.behaviour.fault(++this.#completions);
    if (fault === 'hang') return;
    // What every answer takes, so that requests overlap.
    await setTimeout(fault === 'slow' ? 500 : 5);
    if (typeof fault === 'object')
      return reply(
        response,
        fault.status,
        fault.body ?? { error: { message: 'told to fail' } },
        fault.headers,
      );
    const asked = String(body.model);
    if (asked !== this.behaviour.model && !this.adapters.has(asked)) {
      const message = `The model \`${asked}\` does not exist.`;
      return reply(response, 404, { error: { message, type: 'NotFoundError', code: 404 } });
    }
    const completion = this.#completion(body, fault === 'other-model' ? 'another' : asked);
    const [choice] = completion.choices;
    if (fault === 'reasoning' && choice)
      Object.assign(choice.message, { reasoning_content: 'Let me think.' });
    const text = JSON.stringify(completion);
    if (fault === 'truncate') return reply(response, 200, undefined, {}, text.slice(0, text.length / 2));
    if (fault === 'cut') {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      });
      response.write(text.slice(0, text.length / 2));
      await setTimeout(10);
      response.destroy();
      return;
    }
    reply(response, 200, undefined, {}, text);
  }

  #completion(body: Record<string, unknown>, model: string) {
    const { text, tokens, finish, promptTokens } = this.behaviour.answer(body);
    const k = Number(body.top_logprobs ?? 0);
    const temperature = this.behaviour.processed ? Math.max(Number(body.temperature), 0.01) : 1;
    const content = tokens.map((drawn) => {
      const tempered = softmaxLogs(drawn.logprobs.map((logprob) => logprob / temperature));
      const entry = (id: number, spelling: string) => ({
        ...(this.behaviour.ownedBy === 'llamacpp' ? { id } : {}),
        token: spelling,
        bytes: [...Buffer.from(spelling)],
        logprob: tempered[id] ?? 0,
      });
      const top = [...tempered.keys()].sort((a, b) => (tempered[b] ?? 0) - (tempered[a] ?? 0)).slice(0, k);
      return {
        ...entry(drawn.id, drawn.text),
        top_logprobs: top.map((id) => entry(id, VOCABULARY[id] ?? `<${id}>`)),
      };
    });
    return {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model,
      choices: [
        {
          index: 0,
          finish_reason: finish,
          message: { role: 'assistant', content: text },
          logprobs: body.logprobs === true ? { content } : null,
          ...(this.behaviour.ownedBy === 'vllm' && body.return_token_ids === true
            ? { token_ids: tokens.map(({ id }) => id), stop_reason: null }
            : {}),
        },
      ],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: tokens.length,
        total_tokens: promptTokens + tokens.length,
      },
    };
  }

  #adapter(path: string, body: Record<string, unknown>, response: ServerResponse): void {
    const name = String(body.lora_name);
    if (path.includes('unload')) {
      this.adapters.delete(name);
      return reply(response, 200, undefined, { 'content-type': 'text/plain' }, 'Success');
    }
    if (this.adapters.has(name)) {
      const message = `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.`;
      return reply(response, 400, { error: { message, type: 'InvalidUserInput', code: 400 } });
    }
    const folder = String(body.lora_path);
    if (folder.includes('nowhere')) {
      const message = `Loading lora ${name} failed: No adapter found for ${folder}`;
      return reply(response, 404, { error: { message, type: 'NotFoundError', code: 404 } });
    }
    this.adapters.set(name, folder);
    reply(
      response,
      200,
      undefined,
      { 'content-type': 'text/plain' },
      `Success: LoRA adapter '${name}' added successfully.`,
    );
  }
}

/** The vocabulary of the model that answers when no other is given. */
export const VOCABULARY = ['', 'zero', ' one', ' two', ' three', ' four', ' five', ' six'] as const;

/** A sample of a tiny model: its tokens are made of the seed, its distributions of the place. */
export function tinyAnswer(body: Record<string, unknown>): Answer {
  const seed = Number(body.seed);
  const length = Math.min(Number(body.max_tokens), 2 + (seed % 3));
  const finish = length < Number(body.max_tokens) ? 'stop' : 'length';
  const ids = Array.from({ length }, (_, at) => 1 + (Math.floor(seed / 7 ** at) % 7));
  if (finish === 'stop') ids.push(0);
  return {
    text: ids.map((id) => VOCABULARY[id] ?? '').join(''),
    tokens: ids.map((id, at) => ({ id, text: VOCABULARY[id] ?? '', logprobs: distribution(at) })),
    finish,
    promptTokens: 5,
  };
}

/** The distribution at a place, the same for all. */
export function distribution(place: number): number[] {
  return softmaxLogs(VOCABULARY.map((_, id) => Math.sin(3 * id + place)));
}

function softmaxLogs(logits: readonly number[]): number[] {
  const normaliser = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return logits.map((logit) => logit - normaliser);
}

function isProbe(body: Record<string, unknown>): boolean {
  return JSON.stringify(body.messages ?? '').includes('first word that comes to mind');
}

function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  text = JSON.stringify(body),
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}
