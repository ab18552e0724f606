// RpcError: the one error that crosses a wire. Handlers throw it to choose a status; clients receive it with the status, the
// method and the address of the server that answered.
import { Metadata, status } from '@grpc/grpc-js';
import { redact } from '@overtone/telemetry';

/** The trailer that says after how many milliseconds a call may be tried again. */
export const PUSHBACK = 'grpc-retry-pushback-ms';

/** What else is known of a failed call. */
export interface RpcErrorOptions extends ErrorOptions {
  /** Milliseconds after which the server is to be asked again. */
  pushbackMs?: number | undefined;
}

/** A failed call: `code` is the gRPC status, `message` says what was wrong and what to do. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: status;
  /** With RESOURCE_EXHAUSTED: the server has too much to do, and asks to come back after so many milliseconds. */
  readonly pushbackMs: number | undefined;

  constructor(code: status, message: string, options?: RpcErrorOptions) {
    super(message, options);
    this.code = code;
    this.pushbackMs = options?.pushbackMs;
  }

  /** The status's name, for example "INVALID_ARGUMENT". */
  get codeName(): string {
    return status[this.code] ?? String(this.code);
  }
}

/** A request field is wrong: INVALID_ARGUMENT, "problems[2].id: must not be empty". */
export function invalidArgument(field: string, reason: string): RpcError {
  return new RpcError(status.INVALID_ARGUMENT, `${field}: ${reason}`);
}

/** What the request names does not exist: NOT_FOUND. */
export function notFound(message: string): RpcError {
  return new RpcError(status.NOT_FOUND, message);
}

/** The same name with other content exists already: ALREADY_EXISTS. */
export function alreadyExists(message: string): RpcError {
  return new RpcError(status.ALREADY_EXISTS, message);
}

/** The request is right but the system is not in the state that it needs: FAILED_PRECONDITION. Not retried. */
export function failedPrecondition(message: string): RpcError {
  return new RpcError(status.FAILED_PRECONDITION, message);
}

/** A limit was reached: RESOURCE_EXHAUSTED. Not retried. */
export function resourceExhausted(message: string): RpcError {
  return new RpcError(status.RESOURCE_EXHAUSTED, message);
}

/** Too much to do at the moment: RESOURCE_EXHAUSTED. Clients come back after `pushbackMs` milliseconds. */
export function overloaded(message: string, pushbackMs: number): RpcError {
  return new RpcError(status.RESOURCE_EXHAUSTED, message, { pushbackMs });
}

/** Not now, perhaps in a moment: UNAVAILABLE. Clients retry it. */
export function unavailable(message: string): RpcError {
  return new RpcError(status.UNAVAILABLE, message);
}

const codes: ReadonlyMap<unknown, status> = new Map(
  Object.values(status).flatMap((code) => (typeof code === 'number' ? [[status[code], code]] : [])),
);

// Trailers travel in HTTP/2 headers, which peers limit to some kilobytes.
const LONGEST_DETAILS = 2000;

/** How a call ends on the wire. */
export interface WireStatus {
  code: status;
  details: string;
  /** Trailers, if any. */
  metadata?: Metadata;
}

/** What goes over the wire for a thrown value. Never a stack: those stay in the server's log. */
export function toStatus(error: unknown): WireStatus {
  const code = statusCode(error);
  const said = error instanceof Error ? error.message : String(error);
  const message = redact(said.slice(0, 2 * LONGEST_DETAILS));
  const details = message.length > LONGEST_DETAILS ? `${message.slice(0, LONGEST_DETAILS)}…` : message;
  const pushbackMs = error instanceof RpcError ? error.pushbackMs : undefined;
  return {
    code,
    details: details.toWellFormed(),
    ...(pushbackMs === undefined ? {} : { metadata: pushbackTrailer(pushbackMs) }),
  };
}

/** The trailers of a refusal that may be tried again after `pushbackMs` milliseconds. */
export function pushbackTrailer(pushbackMs: number): Metadata {
  const metadata = new Metadata();
  metadata.set(PUSHBACK, String(Math.ceil(pushbackMs)));
  return metadata;
}

/** The code of an error: its own, that which its `codeName` names (google.rpc.Code, as in errors of an artifact store), or INTERNAL. */
function statusCode(error: unknown): status {
  if (error instanceof RpcError) return error.code;
  const named = error instanceof Error && 'codeName' in error ? codes.get(error.codeName) : undefined;
  if (named !== undefined) return named;
  if (error instanceof Error && error.name === 'AbortError') return status.CANCELLED;
  if (error instanceof Error && error.name === 'TimeoutError') return status.DEADLINE_EXCEEDED;
  return status.INTERNAL;
}

// What grpc-js itself says, as INTERNAL, when a connection ends below a call. No server answered, so that nothing is wrong inside of one.
const LOST_CONNECTION = /^Received RST_STREAM with code \d+ triggered by internal client error/;

/** Reads the error that grpc-js gives a client into an RpcError that says who answered what. */
export function fromServiceError(error: unknown, method: string, address: string): RpcError {
  if (error instanceof RpcError) return error;
  const place = `${method.replace(/^\//, '')} at ${address}`;
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
    const details = 'details' in error && typeof error.details === 'string' ? error.details : error.message;
    const code = LOST_CONNECTION.test(details) ? status.UNAVAILABLE : error.code;
    return new RpcError(code, `${place}: ${status[code] ?? code}: ${readable(details)}`, {
      cause: error,
      pushbackMs: 'metadata' in error ? readPushback(error.metadata) : undefined,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new RpcError(status.INTERNAL, `${place}: ${message}`, { cause: error });
}

// What a server may ask of its clients: an hour of silence would be a server that does not want to be asked.
const LONGEST_PUSHBACK_MS = 60_000;

/** The server's word on when to come back; undefined when it has none, or asks (with a negative number) not to. */
function readPushback(metadata: unknown): number | undefined {
  if (!(metadata instanceof Metadata)) return undefined;
  const [text] = metadata.get(PUSHBACK);
  if (text === undefined || !/^\d{1,9}$/.test(String(text))) return undefined;
  return Math.min(Number(text), LONGEST_PUSHBACK_MS);
}

/** What gRPC says of a connection that it does not get, without its padding. */
function readable(details: string): string {
  const [, reason] =
    /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note: *$/.exec(details) ?? [];
  return reason === undefined ? details : `no connection: ${reason}`;
}
