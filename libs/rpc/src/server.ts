// The server: gRPC services with health checks (grpc.health.v1), reflection, limits and a graceful end.
import {
  Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { ResponderBuilder, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { logger } from '@overtone/telemetry';
import { sleep } from './abort.ts';
import { addReflection } from './reflection.ts';
import {
  channelOptions,
  DEFAULT_MAX_MESSAGE_BYTES,
  securityFromEnvironment,
  serverCredentials,
  type TransportSecurity,
} from './transport.ts';

/** A service: the generated definition and handlers made by unaryHandler, serverStreamHandler, … */
export interface ServedService {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

/** What to serve, where and how. */
export interface ServeOptions extends TransportSecurity {
  /** The process's name in logs and in the "listening" line, for example "judge". */
  name: string;
  /** "host:port" to listen on; port 0 takes a free one. Default "127.0.0.1:0". */
  address?: string;
  /** The services, at least one. */
  services: readonly ServedService[];
  /** Answer grpc.reflection requests, so that grpcurl works without .proto files. Default true. */
  reflection?: boolean;
  /** Largest message either way. Default 64 MiB. */
  maxMessageBytes?: number;
  /** How long open calls may go on after `close()`. Default 10 000 ms. */
  drainMs?: number;
}

/** A server that accepts calls. */
export interface RunningServer {
  /** Where it listens: "host:port" with the actual port. */
  readonly address: string;
  /**
   * Ends gracefully, once: health says NOT_SERVING, no new connections, open calls may finish within `drainMs` (default: the
   * server's), the others end with UNAVAILABLE.
   */
  close(drainMs?: number): Promise<void>;
}

/**
 * Starts a server without side effects on the process: what tests and embedding programs use (main.ts uses runService).
 * Throws when the address is taken, malformed, or reachable from outside without TLS.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const address = options.address ?? '127.0.0.1:0';
  const secured =
    options.tls === undefined && options.insecure === undefined ? securityFromEnvironment() : options;
  const credentials = serverCredentials(address, secured);
  const calls = new OpenCalls(options.name);
  const server = new Server({
    ...channelOptions(options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES),
    interceptors: [calls.interceptor],
  });
  const health = new HealthImplementation();
  const names = ['', ...options.services.map(({ definition }) => serviceName(definition))];
  for (const { definition, implementation } of options.services)
    server.addService(definition, implementation);
  health.addToServer(server);
  if (options.reflection ?? true) addReflection(server);

  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  }).catch((error: unknown) => {
    throw new Error(`${options.name}: cannot listen on ${address}`, { cause: error });
  });
  for (const name of names) health.setStatus(name, 'SERVING');

  const close = async (drainMs: number): Promise<void> => {
    for (const name of names) health.setStatus(name, 'NOT_SERVING');
    // Watchers of health and reflection would otherwise hold the server open for as long as they like.
    setImmediate(() => calls.end((path) => path.startsWith('/grpc.')));
    const finished = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    const limit = new AbortController();
    const late = sleep(drainMs, limit.signal).then(
      async () => {
        calls.end(() => true);
        // Their last status is on its way; a peer that does not read it loses its connection.
        await sleep(100);
        server.forceShutdown();
      },
      () => undefined,
    );
    await Promise.race([finished, late]);
    limit.abort();
  };
  let closing: Promise<void> | undefined;
  return {
    address: address.startsWith('unix:') ? address : `${address.slice(0, address.lastIndexOf(':'))}:${port}`,
    close: (drainMs = options.drainMs ?? 10_000) => (closing ??= close(drainMs)),
  };
}

function serviceName(definition: ServiceDefinition): string {
  const path = Object.values(definition)[0]?.path;
  const name = path?.split('/')[1];
  if (name === undefined) throw new TypeError('a service definition without methods cannot be served');
  return name;
}

interface OpenCall {
  path: string;
  sendStatus(answer: { code: status; details: string }): void;
}

/** The calls in progress: so that a drain can end them, and for the log. */
class OpenCalls {
  readonly #open = new Set<OpenCall>();
  readonly #log;

  constructor(name: string) {
    this.#log = logger(name);
  }

  /** Ends the chosen calls with UNAVAILABLE: their callers may try again elsewhere. */
  end(chosen: (path: string) => boolean): void {
    for (const call of [...this.#open]) {
      if (chosen(call.path))
        call.sendStatus({ code: status.UNAVAILABLE, details: 'the server is shutting down' });
    }
  }

  readonly interceptor: ServerInterceptor = (method, call) => {
    const started = performance.now();
    const open: OpenCall = { path: method.path, sendStatus: (answer) => call.sendStatus(answer) };
    this.#open.add(open);
    const finish = (code: status): void => {
      if (!this.#open.delete(open)) return;
      const milliseconds = Math.round(performance.now() - started);
      this.#log.debug('call', { method: method.path, code: status[code], milliseconds });
    };
    return new ServerInterceptingCall(
      call,
      new ResponderBuilder()
        .withStart((next) =>
          next(new ServerListenerBuilder().withOnCancel(() => finish(status.CANCELLED)).build()),
        )
        .withSendStatus((answer, next) => {
          finish(answer.code ?? status.OK);
          next(answer);
        })
        .build(),
    );
  };
}
