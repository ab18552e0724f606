// RpcError: the one error that crosses a wire. Handlers throw it to choose a status; clients receive it with the status, the
// method and the address of the server that answered.
import { status } from '@grpc/grpc-js';

/** A failed call: `code` is the gRPC status, `message` says what was wrong and what to do. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: status;

  constructor(code: status, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
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

/** A limit was reached: RESOURCE_EXHAUSTED. */
export function resourceExhausted(message: string): RpcError {
  return new RpcError(status.RESOURCE_EXHAUSTED, message);
}

/** Not now, perhaps in a moment: UNAVAILABLE. Clients retry it. */
export function unavailable(message: string): RpcError {
  return new RpcError(status.UNAVAILABLE, message);
}

// Trailers travel in HTTP/2 headers, which peers limit to some kilobytes.
const LONGEST_DETAILS = 2000;

/** What goes over the wire for a thrown value. Never a stack: those stay in the server's log. */
export function toStatus(error: unknown): { code: status; details: string } {
  const code = statusCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const details = message.length > LONGEST_DETAILS ? `${message.slice(0, LONGEST_DETAILS)}…` : message;
  return { code, details: details.toWellFormed() };
}

function statusCode(error: unknown): status {
  if (error instanceof RpcError) return error.code;
  if (error instanceof Error && error.name === 'AbortError') return status.CANCELLED;
  if (error instanceof Error && error.name === 'TimeoutError') return status.DEADLINE_EXCEEDED;
  return status.INTERNAL;
}

/** Reads the error that grpc-js gives a client into an RpcError that says who answered what. */
export function fromServiceError(error: unknown, method: string, address: string): RpcError {
  if (error instanceof RpcError) return error;
  const place = `${method.replace(/^\//, '')} at ${address}`;
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
    const details = 'details' in error && typeof error.details === 'string' ? error.details : error.message;
    return new RpcError(error.code, `${place}: ${status[error.code] ?? error.code}: ${readable(details)}`, {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new RpcError(status.INTERNAL, `${place}: ${message}`, { cause: error });
}

/** What gRPC says of a connection that it does not get, without its padding. */
function readable(details: string): string {
  const [, reason] =
    /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note: *$/.exec(details) ?? [];
  return reason === undefined ? details : `no connection: ${reason}`;
}
