// What can go wrong with a server, by what its user can do about it.

/**
 * - `refused`: the request is wrong, for example longer than the context;
 * - `set-up`: the server, or how it is addressed, must be changed: credentials, model, missing features;
 * - `busy`: it says that it has too much to do, also after all retries;
 * - `unreachable`: no answer, or a failure of its own, also after all retries;
 * - `malformed`: an answer that cannot be read.
 */
export type ServerErrorKind = 'refused' | 'set-up' | 'busy' | 'unreachable' | 'malformed';

/** A failed call; the message says which server, what it said, and what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly kind: ServerErrorKind;
  /** The HTTP status, where there was an answer. */
  readonly httpStatus: number | undefined;

  constructor(kind: ServerErrorKind, message: string, httpStatus?: number, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.httpStatus = httpStatus;
  }
}
