// Handlers: async functions and generators become grpc-js handlers. A handler reads requests as an async iterable, yields
// responses no faster than the peer reads them, throws RpcError to choose a status, and learns from `context.signal` that
// nobody waits for its answer any more (cancelled, deadline passed, connection lost).
import { type Metadata, status } from '@grpc/grpc-js';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from '@grpc/grpc-js';
import type { Readable } from 'node:stream';
import { logger } from '@overtone/telemetry';
import { abortable, drained } from './abort.ts';
import { callerOf } from './access-control.ts';
import { RpcError, toStatus, type WireStatus } from './error.ts';

/** What a handler knows about its call. */
export interface CallContext {
  /** Aborts when the caller cancels, its deadline passes or its connection is lost; the reason is an RpcError. */
  readonly signal: AbortSignal;
  /** The caller's metadata. */
  readonly metadata: Metadata;
  /** The caller's address. */
  readonly peer: string;
  /** Who calls, "experiment" for example; undefined when the server does not ask for it, or the caller has no name. */
  readonly caller: string | undefined;
  /** The full method name, for example "/overtone.v1.JudgeService/Compare". */
  readonly method: string;
  /** When the caller stops waiting; undefined when it named no deadline. */
  readonly deadline: Date | undefined;
}

/** One request, one response. */
export function unaryHandler<Request, Response>(
  handle: (request: Request, context: CallContext) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    void answer(call, callback, async (context) => handle(call.request, context));
  };
}

/** Many requests, one response. The handler may return before it has read all of them. */
export function clientStreamHandler<Request, Response>(
  handle: (requests: AsyncIterable<Request>, context: CallContext) => Promise<Response> | Response,
): handleClientStreamingCall<Request, Response> {
  return (call, callback) => {
    void answer(call, callback, async (context) => handle(requestsOf<Request>(call, context), context));
  };
}

/** One request, many responses. */
export function serverStreamHandler<Request, Response>(
  handle: (request: Request, context: CallContext) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    void stream(call, (context) => handle(call.request, context));
  };
}

/** Many requests, many responses, in whatever order the handler yields them. */
export function bidiHandler<Request, Response>(
  handle: (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Response>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    void stream(call, (context) => handle(requestsOf<Request>(call, context), context));
  };
}

interface SurfaceCall {
  readonly metadata: Metadata;
  getPeer(): string;
  getPath(): string;
  getDeadline(): Date | number;
  on(event: 'cancelled', listener: () => void): unknown;
}

interface ResponseStream<Response> extends SurfaceCall {
  write(response: Response): boolean;
  end(): unknown;
  emit(event: 'error', error: WireStatus): boolean;
  once(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

async function answer<Response>(
  call: SurfaceCall,
  callback: (error: WireStatus | null, response?: Response) => void,
  work: (context: CallContext) => Promise<Response>,
): Promise<void> {
  const { context, settle } = openContext(call);
  try {
    const response = await abortable(work(context), context.signal);
    settle();
    callback(null, response);
  } catch (error) {
    settle();
    callback(failure(error, context));
  }
}

async function stream<Response>(
  call: ResponseStream<Response>,
  work: (context: CallContext) => AsyncIterable<Response>,
): Promise<void> {
  const { context, settle } = openContext(call);
  const { signal } = context;
  let responses: AsyncIterator<Response> | undefined;
  try {
    responses = work(context)[Symbol.asyncIterator]();
    for (;;) {
      const next = await abortable(responses.next(), signal);
      if (next.done === true) break;
      if (!call.write(next.value)) await drained(call, signal);
      signal.throwIfAborted();
    }
    settle();
    call.end();
  } catch (error) {
    settle();
    // A generator that still waits for something runs its `finally` when that wait ends; the caller need not wait for it.
    void responses?.return?.()?.then(undefined, () => undefined);
    call.emit('error', failure(error, context));
  }
}

/** The requests of a stream, pulled one by one; a lost or cancelled call throws the context's reason. */
async function* requestsOf<Request>(call: Readable, context: CallContext): AsyncGenerator<Request> {
  // Destroying a duplex call when the handler stops reading would also end its responses.
  const requests: AsyncIterable<Request> = call.iterator({ destroyOnReturn: false });
  try {
    yield* requests;
    // A reset connection ends the requests a moment before it cancels the call: a part must not pass for the whole.
    await new Promise((resolve) => setImmediate(resolve));
    context.signal.throwIfAborted();
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  }
}

// Node fires timers beyond this at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function openContext(call: SurfaceCall): { context: CallContext; settle: () => void } {
  const controller = new AbortController();
  const method = call.getPath();
  const limit = call.getDeadline();
  const deadline = limit === Infinity ? undefined : new Date(limit);
  // grpc-js has a timer of its own, but it cannot end a stream whose peer has stopped reading.
  const remaining = deadline === undefined ? Infinity : Math.max(0, deadline.getTime() - Date.now());
  const timer = remaining > LONGEST_TIMER_MS ? undefined : setTimeout(() => abort(), remaining).unref();
  const abort = (): void => {
    clearTimeout(timer);
    const late = deadline !== undefined && Date.now() >= deadline.getTime() - 5;
    const code = late ? status.DEADLINE_EXCEEDED : status.CANCELLED;
    const reason = late
      ? "the caller's deadline passed"
      : 'the caller cancelled the call or its connection was lost';
    controller.abort(new RpcError(code, reason));
  };
  // grpc-js emits "cancelled" after every call, also after those that ended well.
  let settled = false;
  call.on('cancelled', () => {
    if (!settled) abort();
  });
  return {
    context: {
      signal: controller.signal,
      metadata: call.metadata,
      peer: call.getPeer(),
      caller: callerOf(call.metadata)?.identity,
      method,
      deadline,
    },
    settle: () => {
      settled = true;
      clearTimeout(timer);
    },
  };
}

function failure(error: unknown, context: CallContext): WireStatus {
  const answered = toStatus(context.signal.aborted ? context.signal.reason : error);
  if (answered.code === status.INTERNAL) {
    logger('rpc').error('a handler failed', { method: context.method, error });
  }
  return answered;
}
