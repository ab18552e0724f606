// What is known of every call: a span for each attempt of a client and for each call that a server answers, and their durations as
// metrics. Names are those of OpenTelemetry's conventions for RPC. Health checks and reflection are left out: probes every few seconds
// would bury the calls that matter.
import { type Metadata, type ServerInterceptor, status } from '@grpc/grpc-js';
import {
  type Attributes,
  context,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { countUpDown, markFailed, recordValue, tracer } from '@overtone/telemetry';
import { RpcError } from './error.ts';

/** Codes that are a server's own failure; the others say something of the request or of its caller. */
const SERVER_FAILURES: readonly status[] = [
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
];

/** A client that has reached its deadline cancels; by the server's clock there is as much left as the request was under way. */
const DEADLINE_SLACK_MS = 50;

const isObserved = (path: string): boolean => !path.startsWith('/grpc.');

/** One attempt of a client. */
export interface CallAttempt {
  /** The full method name, for example "/overtone.v1.JudgeService/Compare". */
  readonly path: string;
  /** The server, as it was given to `connect`. */
  readonly address: string;
  /** Attempts before this one. */
  readonly tries: number;
}

/** Adds the active span to a call's metadata, so that the server continues the trace. */
export function injectTrace(metadata: Metadata): void {
  propagation.inject(context.active(), metadata, { set: (to, key, value) => to.set(key, value) });
}

/** Observes an attempt with one response. */
export async function observeCall<Response>(
  attempt: CallAttempt,
  work: () => Promise<Response>,
): Promise<Response> {
  if (!isObserved(attempt.path)) return work();
  const call = new ClientCall(attempt);
  try {
    const response = await call.in(work);
    call.end(status.OK);
    return response;
  } catch (error) {
    call.end(codeOf(error), error);
    throw error;
  }
}

/** Observes an attempt with many responses. A reader that leaves early has had enough: that is no failure. */
export async function* observeStream<Response>(
  attempt: CallAttempt,
  open: () => AsyncGenerator<Response>,
): AsyncGenerator<Response> {
  if (!isObserved(attempt.path)) {
    yield* open();
    return;
  }
  const call = new ClientCall(attempt);
  const responses = call.in(open);
  let received = 0;
  let ended: { readonly code: status; readonly error?: unknown } = { code: status.CANCELLED };
  try {
    for (;;) {
      const next = await call.in(() => responses.next());
      if (next.done === true) break;
      received += 1;
      yield next.value;
    }
    ended = { code: status.OK };
  } catch (error) {
    ended = { code: codeOf(error), error };
    throw error;
  } finally {
    await responses.return(undefined);
    call.span.setAttribute('overtone.rpc.responses', received);
    call.end(ended.code, ended.error);
  }
}

class ClientCall {
  readonly span: Span;
  readonly #context: Context;
  readonly #attributes: Attributes;
  readonly #started = performance.now();

  constructor({ path, address, tries }: CallAttempt) {
    this.#attributes = { ...methodAttributes(path), ...serverAttributes(address) };
    this.span = tracer('overtone.rpc').startSpan(path.slice(1), {
      kind: SpanKind.CLIENT,
      attributes: { ...this.#attributes, ...(tries === 0 ? {} : { 'overtone.rpc.attempt': tries + 1 }) },
    });
    this.#context = trace.setSpan(context.active(), this.span);
  }

  in<Result>(work: () => Result): Result {
    return context.with(this.#context, work);
  }

  end(code: status, error?: unknown): void {
    const failed = error !== undefined;
    const outcome = outcomeAttributes(code, failed);
    this.span.setAttributes(outcome);
    if (failed) markFailed(this.span, statusName(code), messageOf(error));
    recordValue('rpc.client.call.duration', (performance.now() - this.#started) / 1000, {
      ...this.#attributes,
      ...outcome,
    });
    this.span.end();
  }
}

/**
 * Observes the calls of a server, within `first`, which must be the first of its interceptors: it changes the innermost call itself, and
 * so hears of every end, also of those that grpc-js brings about there. Interceptors and the handler run within the call's span.
 */
export function observing(first: ServerInterceptor): ServerInterceptor {
  return (method, call) => {
    if (isObserved(method.path)) observe(method.path, call);
    return first(method, call);
  };
}

function observe(path: string, call: Parameters<ServerInterceptor>[1]): void {
  const attributes = methodAttributes(path);
  const started = performance.now();
  let span: Span | undefined;
  let open = true;
  countUpDown('rpc.server.active_calls', 1, attributes);
  const end = (code: status, details?: string | null): void => {
    if (!open) return;
    open = false;
    countUpDown('rpc.server.active_calls', -1, attributes);
    const failed = SERVER_FAILURES.includes(code);
    const outcome = outcomeAttributes(code, failed);
    recordValue('rpc.server.call.duration', (performance.now() - started) / 1000, {
      ...attributes,
      ...outcome,
    });
    span?.setAttributes(outcome);
    if (failed && span) markFailed(span, statusName(code), details ?? undefined);
    span?.end();
  };
  const [start, sendStatus] = [call.start.bind(call), call.sendStatus.bind(call)];
  call.start = (listener) => {
    let place: Context = ROOT_CONTEXT;
    start({
      onReceiveMetadata: (metadata) => {
        const caller = propagation.extract(ROOT_CONTEXT, metadata, {
          get: (from, key) => from.get(key).map(String),
          keys: (from) => Object.keys(from.getMap()),
        });
        const kind = SpanKind.SERVER;
        span = tracer('overtone.rpc').startSpan(path.slice(1), { kind, attributes }, caller);
        place = trace.setSpan(caller, span);
        context.with(place, () => listener.onReceiveMetadata(metadata));
      },
      onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
      onReceiveHalfClose: () => context.with(place, () => listener.onReceiveHalfClose()),
      onCancel: () => {
        const late = Number(call.getDeadline()) <= Date.now() + DEADLINE_SLACK_MS;
        end(late ? status.DEADLINE_EXCEEDED : status.CANCELLED);
        listener.onCancel();
      },
    });
  };
  call.sendStatus = (answer) => {
    end(answer.code ?? status.OK, answer.details);
    sendStatus(answer);
  };
}

const methods = new Map<string, Attributes>();

/** The same object every time, which is what makes counting cheap. A server serves few methods, a client calls few. */
function methodAttributes(path: string): Attributes {
  let attributes = methods.get(path);
  if (attributes === undefined) {
    attributes = { 'rpc.system.name': 'grpc', 'rpc.method': path.slice(1) };
    methods.set(path, attributes);
  }
  return attributes;
}

function outcomeAttributes(code: status, failed: boolean): Attributes {
  const name = statusName(code);
  return { 'rpc.status_code': name, ...(failed ? { 'error.type': name } : {}) };
}

const statusName = (code: status): string => status[code] ?? String(code);

/** "dns:///judge:50051" is port 50051 of "judge". */
function serverAttributes(address: string): Attributes {
  const [, host = address, port] = /^(?:dns:\/\/\/)?(.*?)(?::(\d+))?$/.exec(address) ?? [];
  return { 'server.address': host, ...(port === undefined ? {} : { 'server.port': Number(port) }) };
}

/** The status of a failure; what is none of gRPC's, such as a caller's reason to abort, has cancelled the call. */
function codeOf(error: unknown): status {
  if (error instanceof RpcError) return error.code;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' && code in status ? code : status.CANCELLED;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
