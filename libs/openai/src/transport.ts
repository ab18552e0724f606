// Transport: JSON over HTTP to one server, no more than so many requests at a time, each tried again while the server is busy or
// away. Pauses grow exponentially, with jitter, or are what Retry-After asks for.
import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import pLimit, { type LimitFunction } from 'p-limit';
import { Agent } from 'undici';
import { ApiKeys } from './api-keys.ts';
import { guardedFetch } from './guarded-fetch.ts';
import { ServerError } from './server-error.ts';

/** How to reach a server. */
export interface TransportOptions {
  /** For example "http://localhost:8000/v1"; an address without a path gets "/v1". */
  readonly baseUrl: string;
  /** Sent as a bearer token; never logged or repeated in an error. */
  readonly apiKey?: string;
  /** Reads the key again when the server refuses the one there is: a secret that was rotated. */
  readonly rereadKey?: () => string;
  /** What to set where the server refuses the key, for its error. Default the generator's variables. */
  readonly keyHint?: string;
  /** Most requests at a time. Default 32. */
  readonly concurrency?: number;
  /** Tries after the first. Default 8: about 40 s of pauses. */
  readonly retries?: number;
  /** Longest wait for one answer, milliseconds. Default ten minutes. */
  readonly timeoutMs?: number;
}

/** A connection that broke within an answer is tried again this often. */
const BROKEN_ANSWERS = 3;

/** Requests to one server. */
export class Transport {
  /** The base URL, as it is named in errors. */
  readonly server: string;
  /** Most requests at a time. */
  readonly concurrency: number;
  readonly #client: OpenAI;
  readonly #agent: Agent;
  readonly #limit: LimitFunction;
  readonly #options: TransportOptions;
  readonly #keys: ApiKeys;
  readonly #timeoutMs: number;

  /** @throws {ServerError} when the base URL is none. */
  constructor(options: TransportOptions) {
    const { baseUrl, apiKey = '', rereadKey, concurrency = 32, retries = 8, timeoutMs = 600_000 } = options;
    this.server = completeUrl(baseUrl);
    this.concurrency = concurrency;
    this.#options = options;
    this.#keys = new ApiKeys(apiKey, rereadKey);
    this.#timeoutMs = timeoutMs;
    this.#limit = pLimit(concurrency);
    // An answer's headers come when all of it was sampled; the client's own timeout is the one that counts.
    this.#agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
    this.#client = new OpenAI({
      baseURL: this.server,
      // The client wants one; servers without keys ignore it.
      apiKey: () => Promise.resolve(this.#keys.current || 'none'),
      // What the environment holds for another server stays here.
      adminAPIKey: null,
      organization: null,
      project: null,
      maxRetries: retries,
      timeout: timeoutMs,
      logLevel: 'off',
      fetch: guardedFetch(this.server),
      fetchOptions: { dispatcher: this.#agent },
    });
  }

  /** GETs a path below the base URL. @throws {ServerError} */
  get(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.#send(() => this.#client.get<unknown>(path, { signal }), signal);
  }

  /** POSTs JSON to a path below the base URL. @throws {ServerError} */
  post(path: string, body: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<unknown> {
    return this.#send(() => this.#client.post<unknown>(path, { body, signal }), signal);
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #send(request: () => PromiseLike<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
    return this.#limit(async () => {
      for (let attempt = 1; ; attempt++) {
        signal?.throwIfAborted();
        const key = this.#keys.current;
        try {
          return this.#keys.withoutKeysIn(await request());
        } catch (error) {
          signal?.throwIfAborted();
          if (isBrokenAnswer(error) && attempt < BROKEN_ANSWERS) continue;
          if (error instanceof APIError && error.status === 401 && this.#keys.renewed(key)) continue;
          throw this.#explained(error);
        }
      }
    });
  }

  #explained(error: unknown): ServerError {
    const failed = (kind: ServerError['kind'], text: string, status?: number): ServerError =>
      new ServerError(kind, this.#keys.withoutKeys(`${this.server}: ${text}`), status);
    if (error instanceof ServerError) return error;
    if (error instanceof APIConnectionTimeoutError) {
      return failed('unreachable', `no answer within ${this.#timeoutMs / 1000} s, tried several times`);
    }
    if (error instanceof APIConnectionError)
      return failed('unreachable', `no connection: ${rootCause(error)}`);
    if (error instanceof APIUserAbortError) return failed('unreachable', 'the request was broken off');
    const status: unknown = error instanceof APIError ? error.status : undefined;
    if (error instanceof APIError && typeof status === 'number') {
      // Without the key first: half a key is a secret too.
      const said = this.#keys.withoutKeys(error.message).slice(0, 500);
      if (status >= 300 && status < 400) {
        const headers: unknown = error.headers;
        const location = headers instanceof Headers ? headers.get('location') : null;
        const to = URL.parse(location ?? '', `${this.server}/`);
        return failed(
          'set-up',
          `it redirects to ${to === null ? 'another address' : `${to.origin}${to.pathname}`}, where neither the key nor the request is sent; set that as its address if it is the one that is meant`,
          status,
        );
      }
      if (status === 401 || status === 403) {
        return failed(
          'set-up',
          `it refuses the credentials (${said}); set ${this.#options.keyHint ?? 'OPENAI_API_KEY, or OVERTONE_OPENAI_API_KEY_FILE to the file that holds the key'}`,
          status,
        );
      }
      if (status === 429)
        return failed('busy', `it has too much to do, also after all retries (${said})`, status);
      if (status >= 500 || status === 408 || status === 409) {
        return failed('unreachable', `it fails, also after all retries (${said})`, status);
      }
      return failed(
        status === 404 || status === 405 ? 'set-up' : 'refused',
        `it refuses the request: ${said}`,
        status,
      );
    }
    // Its message quotes what was sent, which may be half a key.
    if (error instanceof SyntaxError) return failed('malformed', 'the answer is no JSON');
    if (isBrokenAnswer(error)) return failed('unreachable', `the answer was cut off: ${rootCause(error)}`);
    return failed('malformed', `the answer cannot be read: ${rootCause(error)}`);
  }
}

function completeUrl(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new ServerError(
      'set-up',
      `"${baseUrl.replace(/\/\/[^/]*@/, '//')}" is no address of a server; expected one like http://localhost:8000/v1`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new ServerError(
      'set-up',
      'the address of the server holds credentials; give the key as OPENAI_API_KEY instead',
    );
  }
  return url.pathname === '/' ? `${url.origin}/v1` : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** undici reports a connection that ends within an answer as a TypeError, "terminated". */
function isBrokenAnswer(error: unknown): boolean {
  return error instanceof TypeError;
}

function rootCause(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  if (!(at instanceof Error)) return String(at);
  const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
  return at.message === '' ? code : at.message;
}
