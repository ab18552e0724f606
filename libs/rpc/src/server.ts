// The server: gRPC services with health checks (grpc.health.v1), reflection, access control, limits and a graceful end.
import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { logger } from '@overtone/telemetry';
import { sleep } from './abort.ts';
import { accessControl, type AccessOptions } from './access-control.ts';
import { callEnd } from './call-end.ts';
import { isLoopback } from './balancing.ts';
import { callLimits, defaultLimits, type LimitOptions } from './call-limits.ts';
import { observing } from './call-metrics.ts';
import { listenForHealthChecks } from './health-listener.ts';
import { listen } from './listener.ts';
import { OpenCalls } from './open-calls.ts';
import {
  asksForCertificates,
  channelOptions,
  maxMessageBytesFromEnvironment,
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
  /** Answer grpc.reflection requests, so that grpcurl works without .proto files. Default: on loopback alone. */
  reflection?: boolean;
  /** Who may call. Default: whoever can reach the server, or has a certificate where `tls.ca` is set. */
  access?: AccessOptions;
  /** How much to take on at once. Default: `defaultLimits`. */
  limits?: LimitOptions;
  /** Largest message either way. Default 64 MiB. Env OVERTONE_MAX_MESSAGE_BYTES. */
  maxMessageBytes?: number;
  /** "host:port" of a second, plain-text listener for health checks alone. Default: none. */
  healthAddress?: string;
  /** How long the server goes on as before after it has said NOT_SERVING, so that nobody is sent to it any more. Default 0 ms. */
  lameDuckMs?: number;
  /** How long open calls may go on after that. Default 10 000 ms. */
  drainMs?: number;
  /**
   * Age at which a connection is asked to make place for a new one, so that clients learn of new replicas and show new
   * certificates; its open calls go on. 0: never. Default: never on loopback, else 300 000 ms.
   */
  maxConnectionAgeMs?: number;
}

/** A server that accepts calls. */
export interface RunningServer {
  /** Where it listens: "host:port" with the actual port. */
  readonly address: string;
  /** Where it answers health checks alone, if anywhere. */
  readonly healthAddress: string | undefined;
  /**
   * Ends gracefully, once: health says NOT_SERVING; after `lameDuckMs` no new connections or calls; open calls may finish within
   * `drainMs`, the others end with UNAVAILABLE. Defaults: the server's.
   */
  close(drainMs?: number, lameDuckMs?: number): Promise<void>;
}

const MAX_CONNECTION_AGE_MS = 300_000;

/** A name that grpc.health.v1 knows besides the services': SERVING for as long as the process lives, also while it drains. */
const LIVENESS = 'liveness';

/**
 * Starts a server without side effects on the process: what tests and embedding programs use (main.ts uses runService).
 * Throws when the address is taken, malformed, or reachable from outside without TLS, and when a certificate or token cannot be
 * read.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { name, access = {}, limits = {} } = options;
  const address = options.address ?? '127.0.0.1:0';
  const local = isLoopback(address);
  const secured =
    options.tls === undefined && options.insecure === undefined ? securityFromEnvironment() : options;
  const credentials = serverCredentials(address, secured, access.tokens !== undefined);
  const certificates = asksForCertificates(secured);
  if (!local && !certificates && access.tokens === undefined)
    logger(name).warn('whoever reaches this server may call it', { address });
  const calls = new OpenCalls(name);
  const age = options.maxConnectionAgeMs ?? (local ? 0 : MAX_CONNECTION_AGE_MS);
  const server = new Server({
    ...channelOptions(address, options.maxMessageBytes ?? maxMessageBytesFromEnvironment()),
    'grpc.max_concurrent_streams': limits.maxStreams ?? defaultLimits.maxStreams,
    ...(age > 0 ? { 'grpc.max_connection_age_ms': age } : {}),
    // From the wire to the handler: the first hears of every end, the last stands before the handler.
    interceptors: [
      observing(callEnd),
      calls.interceptor,
      accessControl(name, access, certificates),
      callLimits(limits),
    ],
  });
  const health = new HealthImplementation();
  const names = ['', ...options.services.map(({ definition }) => serviceName(definition))];
  for (const { definition, implementation } of options.services)
    server.addService(definition, implementation);
  health.addToServer(server);
  if (options.reflection ?? local) {
    // Descriptors take a third of the time that a server needs to start.
    const { addReflection } = await import('./reflection.ts');
    addReflection(server);
  }

  const { healthAddress } = options;
  const probes =
    healthAddress === undefined
      ? undefined
      : await listenForHealthChecks(healthAddress, health).catch((error: unknown) => {
          throw new Error(`${name}: cannot listen on ${healthAddress} for health checks`, { cause: error });
        });
  const most = limits.maxConnections ?? defaultLimits.maxConnections;
  const door = await listen(server, address, credentials, most).catch((error: unknown) => {
    void probes?.close();
    throw new Error(`${name}: cannot listen on ${address}`, { cause: error });
  });
  for (const each of [...names, LIVENESS]) health.setStatus(each, 'SERVING');

  const close = async (drainMs: number, lameDuckMs: number): Promise<void> => {
    for (const each of names) health.setStatus(each, 'NOT_SERVING');
    await sleep(lameDuckMs);
    // Watchers of health and reflection would otherwise hold the server open for as long as they like.
    setImmediate(() => {
      calls.end((path) => path.startsWith('/grpc.'));
      calls.endRequests();
    });
    const finished = Promise.all([
      door.close(),
      new Promise<void>((resolve) => server.tryShutdown(() => resolve())),
    ]);
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
    await probes?.close();
  };
  let closing: Promise<void> | undefined;
  return {
    address: door.address,
    healthAddress: probes?.address,
    close: (drainMs = options.drainMs ?? 10_000, lameDuckMs = options.lameDuckMs ?? 0) =>
      (closing ??= close(drainMs, lameDuckMs)),
  };
}

function serviceName(definition: ServiceDefinition): string {
  const path = Object.values(definition)[0]?.path;
  const name = path?.split('/')[1];
  if (name === undefined) throw new TypeError('a service definition without methods cannot be served');
  return name;
}
