// A remote service as an object: connect(JudgeServiceClient, address) has the service's methods as async functions and async
// generators, typed from the generated service definition.
import { type ChannelOptions, Client } from '@grpc/grpc-js';
import { bidiStream, type CallPlan, clientStream, type Method, serverStream, unary } from './calls.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retry.ts';
import { OwnToken } from './tokens.ts';
import {
  clientChannelOptions,
  clientCredentials,
  maxMessageBytesFromEnvironment,
  securityFromEnvironment,
  type TransportSecurity,
} from './transport.ts';

/** Options of one call; those of `connect` are the defaults. */
export interface CallOptions {
  /** Time for the whole call, all tries together. Default 60 s for a single response, 6 h for a stream of responses or requests. */
  timeoutMs?: number;
  /** Ends the call; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Tries after the first when the server is UNAVAILABLE and nothing was delivered yet; tries that a busy server asked for do not
   * count. 0: none of either. Default 5.
   */
  retries?: number;
  /** Metadata to send along. */
  metadata?: Readonly<Record<string, string>>;
}

/** Options of a connection. */
export interface ConnectOptions extends CallOptions, TransportSecurity {
  /** Pauses between tries. */
  retry?: Partial<RetryPolicy>;
  /** Largest message either way. Default 64 MiB. Env OVERTONE_MAX_MESSAGE_BYTES. */
  maxMessageBytes?: number;
  /** A file with the bearer token to send with every call. Env OVERTONE_TOKEN_FILE. */
  tokenFile?: string;
  /** Further options of the channel, which win over those of every client. */
  channel?: ChannelOptions;
}

interface MethodOf<
  Request,
  Response,
  RequestStream extends boolean,
  ResponseStream extends boolean,
> extends Method<Request, Response> {
  readonly requestStream: RequestStream;
  readonly responseStream: ResponseStream;
}

type Requests<Request> = AsyncIterable<Request> | Iterable<Request>;

/** The methods of a service definition as async functions (one response) and async generators (many). */
export type RemoteMethods<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends MethodOf<
    infer Request,
    infer Response,
    false,
    false
  >
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : Service[Name] extends MethodOf<infer Request, infer Response, true, false>
      ? (requests: Requests<Request>, options?: CallOptions) => Promise<Response>
      : Service[Name] extends MethodOf<infer Request, infer Response, false, true>
        ? (request: Request, options?: CallOptions) => AsyncGenerator<Response>
        : Service[Name] extends MethodOf<infer Request, infer Response, true, true>
          ? (requests: Requests<Request>, options?: CallOptions) => AsyncGenerator<Response>
          : never;
};

/** A connected service. */
export type Remote<Service> = RemoteMethods<Service> & {
  /** Where it is. */
  readonly address: string;
  /** Closes the connection; open calls end. */
  close(): void;
};

const UNARY_TIMEOUT_MS = 60_000;
const STREAM_TIMEOUT_MS = 6 * 3_600_000;

/**
 * Connects lazily to the service at `address`: "host:port", or "dns:///host:port" for all servers of that name, which take turns
 * (see balancing.ts).
 *
 *     const judge = connect(JudgeServiceClient, '127.0.0.1:50051');
 *     for await (const verdict of judge.compare(requests, { signal })) …
 *
 * Security comes from the environment (see TransportSecurity) unless `tls` or `insecure` is given. Throws when a certificate or
 * token cannot be read.
 */
export function connect<Service extends object>(
  { service }: { service: Service },
  address: string,
  options: ConnectOptions = {},
): Remote<Service> {
  const secured =
    options.tls === undefined && options.insecure === undefined ? securityFromEnvironment() : options;
  const client = new Client(address, clientCredentials(address, secured), {
    ...clientChannelOptions(address, options.maxMessageBytes ?? maxMessageBytesFromEnvironment()),
    ...options.channel,
  });
  // Plain text beyond loopback is only ever spoken where OVERTONE_INSECURE says that the network is trusted: a token is safe wherever
  // a connection is.
  const tokenFile = options.tokenFile ?? (process.env.OVERTONE_TOKEN_FILE || undefined);
  const token = tokenFile === undefined ? undefined : OwnToken.in(tokenFile);
  const planFor = (method: AnyMethod, call: CallOptions = {}): CallPlan => ({
    client,
    address,
    timeoutMs:
      call.timeoutMs ??
      options.timeoutMs ??
      (method.requestStream || method.responseStream ? STREAM_TIMEOUT_MS : UNARY_TIMEOUT_MS),
    retry: {
      ...defaultRetryPolicy,
      ...options.retry,
      retries: call.retries ?? options.retries ?? options.retry?.retries ?? defaultRetryPolicy.retries,
    },
    signal: anySignal(options.signal, call.signal),
    metadata: { ...options.metadata, ...call.metadata },
    authorization: token && (() => token.header),
  });
  const remote: Record<string, unknown> = { address, close: () => client.close() };
  for (const [name, method] of Object.entries(service)) {
    if (!isMethod(method))
      throw new TypeError(`"${name}" is no gRPC method: connect() takes a generated client class`);
    remote[name] = methodOf(method, (call) => planFor(method, call));
  }
  // The one cast between the definition's run-time shape and its type: the loop above gave every method the function that
  // RemoteMethods describes.
  return remote as Remote<Service>;
}

type AnyMethod = MethodOf<unknown, unknown, boolean, boolean>;

function isMethod(value: unknown): value is AnyMethod {
  return typeof value === 'object' && value !== null && 'path' in value && 'requestSerialize' in value;
}

function methodOf(method: AnyMethod, plan: (call?: CallOptions) => CallPlan): unknown {
  if (method.requestStream) {
    const kind = method.responseStream ? bidiStream : clientStream;
    return (requests: Requests<unknown>, call?: CallOptions) => kind(method, requests, plan(call));
  }
  const kind = method.responseStream ? serverStream : unary;
  return (request: unknown, call?: CallOptions) => kind(method, request, plan(call));
}

function anySignal(first: AbortSignal | undefined, second: AbortSignal | undefined): AbortSignal | undefined {
  return first && second ? AbortSignal.any([first, second]) : (first ?? second);
}
