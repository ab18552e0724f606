// The four kinds of calls on a client's channel, as promises and async iterables. Every call has a deadline, can be aborted, is
// retried while no server answers, and moves data no faster than its slower end: requests are pulled from their source only as
// the peer takes them, responses are read only as the caller asks for them.
import { type Client, Metadata, status } from '@grpc/grpc-js';
import { drained, sleep } from './abort.ts';
import { injectTrace, observeCall, observeStream } from './call-metrics.ts';
import { fromServiceError, RpcError } from './error.ts';
import { Replay } from './replay.ts';
import { Retries, type RetryPolicy } from './retry.ts';

/** What a generated service definition says of a method. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** Everything a call needs besides its method and its requests. */
export interface CallPlan {
  readonly client: Client;
  readonly address: string;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** The "authorization" of the call, asked for at every try: a token may have been replaced in between. */
  readonly authorization?: (() => string) | undefined;
}

/** One request, one response. */
export function unary<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  plan: CallPlan,
): Promise<Response> {
  return retried(plan, method.path, (deadline) =>
    single(method.path, plan, (callback) =>
      plan.client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(plan),
        { deadline },
        callback,
      ),
    ),
  );
}

/** Many requests, one response. */
export async function clientStream<Request, Response>(
  method: Method<Request, Response>,
  requests: AsyncIterable<Request> | Iterable<Request>,
  plan: CallPlan,
): Promise<Response> {
  const replay = new Replay(requests);
  const attempt = async (deadline: Date): Promise<Response> => {
    const ended = new AbortController();
    let pumped: Pump | undefined;
    try {
      return await single<Response>(method.path, plan, (callback) => {
        const call = plan.client.makeClientStreamRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          metadataOf(plan),
          { deadline },
          callback,
        );
        call.on('error', () => undefined);
        pumped = pump(call, replay, ended.signal);
        return call;
      });
    } catch (error) {
      if (pumped?.failure) throw pumped.failure.error;
      throw error;
    } finally {
      ended.abort();
    }
  };
  try {
    return await retried(plan, method.path, attempt, () => replay.replayable);
  } finally {
    replay.close();
  }
}

/** One request, many responses. Leaving the iteration early cancels the call. */
export function serverStream<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  plan: CallPlan,
): AsyncGenerator<Response> {
  return retriedStream(plan, method.path, (deadline) => {
    const call = plan.client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(plan),
      { deadline },
    );
    return responsesOf<Response>(call, plan);
  });
}

/** Many requests, many responses. Leaving the iteration early cancels the call and ends the requests' source. */
export async function* bidiStream<Request, Response>(
  method: Method<Request, Response>,
  requests: AsyncIterable<Request> | Iterable<Request>,
  plan: CallPlan,
): AsyncGenerator<Response> {
  const replay = new Replay(requests);
  const attempt = async function* (deadline: Date): AsyncGenerator<Response> {
    const call = plan.client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(plan),
      { deadline },
    );
    const ended = new AbortController();
    const pumped = pump(call, replay, ended.signal);
    try {
      for await (const response of responsesOf<Response>(call, plan)) {
        replay.forget();
        yield response;
      }
    } catch (error) {
      if (pumped.failure) throw pumped.failure.error;
      throw error;
    } finally {
      ended.abort();
    }
  };
  try {
    yield* retriedStream(plan, method.path, attempt, () => replay.replayable);
  } finally {
    replay.close();
  }
}

interface RequestStream<Request> {
  readonly writable: boolean;
  write(request: Request): boolean;
  end(): unknown;
  cancel(): void;
  once(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

interface Pump {
  /** Set when the source of the requests threw. */
  failure: { error: unknown } | undefined;
}

/** Writes requests as fast as the peer reads them, until they or the call end. */
function pump<Request>(call: RequestStream<Request>, replay: Replay<Request>, ended: AbortSignal): Pump {
  const state: Pump = { failure: undefined };
  const run = async (): Promise<void> => {
    for await (const request of replay.read()) {
      if (ended.aborted || !call.writable) return;
      if (!call.write(request)) await drained(call, ended);
      if (ended.aborted) return;
    }
    call.end();
  };
  run().catch((error: unknown) => {
    state.failure = { error };
    call.cancel();
  });
  return state;
}

interface ResponseStream<Response> {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<Response>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  cancel(): void;
}

/** The responses of an open call, in order; ends the call when the reader leaves or the signal aborts. */
async function* responsesOf<Response>(
  call: ResponseStream<Response>,
  plan: CallPlan,
): AsyncGenerator<Response> {
  // A cancelled call reports an error after its reader has left; without a listener it would end the process.
  call.on('error', () => undefined);
  const onAbort = (): void => call.cancel();
  plan.signal?.addEventListener('abort', onAbort, { once: true });
  let ended = false;
  try {
    for await (const response of call.iterator({ destroyOnReturn: false })) {
      plan.signal?.throwIfAborted();
      yield response;
    }
    ended = true;
  } catch (error) {
    plan.signal?.throwIfAborted();
    throw error;
  } finally {
    plan.signal?.removeEventListener('abort', onAbort);
    if (!ended) call.cancel();
  }
}

/** One try of a call with a single response. */
function single<Response>(
  path: string,
  plan: CallPlan,
  open: (callback: (error: Error | null, response?: Response) => void) => { cancel(): void },
): Promise<Response> {
  return new Promise<Response>((resolve, reject) => {
    const onAbort = (): void => call.cancel();
    const call = open((error, response) => {
      plan.signal?.removeEventListener('abort', onAbort);
      if (plan.signal?.aborted === true) return reject(plan.signal.reason);
      if (error !== null) return reject(error);
      if (response === undefined) return reject(new RpcError(status.INTERNAL, `${path}: empty answer`));
      resolve(response);
    });
    plan.signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Tries until an answer comes, the policy ends or the deadline passes; the deadline holds for all tries together. */
async function retried<Response>(
  plan: CallPlan,
  path: string,
  attempt: (deadline: Date) => Promise<Response>,
  replayable: () => boolean = () => true,
): Promise<Response> {
  const deadline = new Date(Date.now() + plan.timeoutMs);
  const retries = new Retries(plan.retry, deadline);
  for (;;) {
    plan.signal?.throwIfAborted();
    try {
      return await observeCall({ path, address: plan.address, tries: retries.made }, () => attempt(deadline));
    } catch (thrown) {
      const error = readError(thrown, path, plan);
      const delay = replayable() ? retries.after(error) : undefined;
      if (delay === undefined) throw error;
      await sleep(delay, plan.signal);
    }
  }
}

async function* retriedStream<Response>(
  plan: CallPlan,
  path: string,
  attempt: (deadline: Date) => AsyncGenerator<Response>,
  replayable: () => boolean = () => true,
): AsyncGenerator<Response> {
  const deadline = new Date(Date.now() + plan.timeoutMs);
  const retries = new Retries(plan.retry, deadline);
  for (;;) {
    plan.signal?.throwIfAborted();
    let delivered = false;
    try {
      const tried = { path, address: plan.address, tries: retries.made };
      for await (const response of observeStream(tried, () => attempt(deadline))) {
        delivered = true;
        yield response;
      }
      return;
    } catch (thrown) {
      const error = readError(thrown, path, plan);
      const delay = !delivered && replayable() ? retries.after(error) : undefined;
      if (delay === undefined) throw error;
      await sleep(delay, plan.signal);
    }
  }
}

/** grpc-js errors become RpcErrors; the caller's abort reason and errors of the requests' source stay what they are. */
function readError(error: unknown, path: string, plan: CallPlan): unknown {
  if (plan.signal?.aborted === true) return plan.signal.reason;
  const isServiceError =
    error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
  if (!isServiceError) return error;
  const read = fromServiceError(error, path, plan.address);
  if (read.code !== status.DEADLINE_EXCEEDED) return read;
  return new RpcError(read.code, `${read.message} (the call's timeoutMs was ${plan.timeoutMs})`, {
    cause: error,
  });
}

function metadataOf(plan: CallPlan): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(plan.metadata ?? {})) metadata.set(key, value);
  if (plan.authorization !== undefined) metadata.set('authorization', plan.authorization());
  injectTrace(metadata);
  return metadata;
}
