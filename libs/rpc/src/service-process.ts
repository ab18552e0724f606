// A service as a process of its own: configured by the environment, announced by one line on standard output, and ended
// gracefully by a signal or, for services that a parent started, by the parent's death.
//
//   OVERTONE_LISTEN=127.0.0.1:0             where to listen
//   OVERTONE_HEALTH_LISTEN                  where to answer health checks alone, in plain text
//   OVERTONE_TLS_CERT, _KEY, _CA            PEM files; OVERTONE_INSECURE=1 allows plain text beyond loopback
//   OVERTONE_TOKENS, OVERTONE_ALLOW         callers' tokens, and the identities that may call
//   OVERTONE_REFLECTION                     1: reflection also beyond loopback; 0: none at all
//   OVERTONE_MAX_CALLS=256                  calls at once; beyond them RESOURCE_EXHAUSTED
//   OVERTONE_MAX_CALLS_PER_SECOND=1000      calls a second from one caller
//   OVERTONE_MAX_STREAMS=256                calls at once on one connection
//   OVERTONE_MAX_CONNECTIONS=1000           connections at once
//   OVERTONE_MAX_MESSAGE_BYTES=67108864     largest message either way
//   OVERTONE_MAX_CONNECTION_AGE_MS          when a connection makes place for a new one
//   OVERTONE_LAME_DUCK_MS=0                 time between NOT_SERVING and the end of accepting calls
//   OVERTONE_DRAIN_MS=10000                 time for open calls to finish
//   OVERTONE_EXIT_WITH_PARENT=1             exit when standard input closes
//
// libs/rpc/README.md says more of each.
import { logger, shutdownTelemetry } from '@overtone/telemetry';
import { accessFromEnvironment } from './access-control.ts';
import { limitsFromEnvironment } from './call-limits.ts';
import { numberFromEnvironment } from './environment-number.ts';
import { type RunningServer, serve, type ServeOptions } from './server.ts';

/** What to serve, and what to release at the end. */
export interface ServiceProcessOptions extends ServeOptions {
  /** Called after the last call has ended and before the process exits: write the checkpoint, release the model. */
  onClose?: () => Promise<void> | void;
}

// With its parent gone nobody reads the answers any more: only the shut-down itself needs time.
const ORPHAN_DRAIN_MS = 1000;

/**
 * Serves for as long as the process lives; the last statement of a service's main.ts. Prints
 * {"event":"listening","service":"judge","address":"127.0.0.1:41233"} when the server is ready and healthy. SIGTERM and SIGINT
 * drain it and exit with 0; a second signal exits at once.
 */
export async function runService(options: ServiceProcessOptions): Promise<RunningServer> {
  const { env } = process;
  const log = logger(options.name);
  const server = await serve({
    ...options,
    address: env.OVERTONE_LISTEN ?? options.address,
    healthAddress: env.OVERTONE_HEALTH_LISTEN || options.healthAddress,
    reflection: env.OVERTONE_REFLECTION ? env.OVERTONE_REFLECTION !== '0' : options.reflection,
    access: { ...options.access, ...accessFromEnvironment(env) },
    limits: { ...options.limits, ...limitsFromEnvironment(env) },
    lameDuckMs: milliseconds('OVERTONE_LAME_DUCK_MS') ?? options.lameDuckMs,
    drainMs: milliseconds('OVERTONE_DRAIN_MS') ?? options.drainMs,
    maxConnectionAgeMs: milliseconds('OVERTONE_MAX_CONNECTION_AGE_MS') ?? options.maxConnectionAgeMs,
  });

  let stopping = false;
  const stop = async (reason: string, drainMs?: number, lameDuckMs?: number): Promise<void> => {
    stopping = true;
    log.info('draining', { reason });
    let code = 0;
    try {
      await server.close(drainMs, lameDuckMs);
      await options.onClose?.();
      await shutdownTelemetry();
    } catch (error) {
      log.error('the shut-down failed', { error });
      code = 1;
    }
    process.exit(code);
  };
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(code);
      void stop(signal);
    });
  }
  if (env.OVERTONE_EXIT_WITH_PARENT === '1') {
    // A dead parent also leaves broken pipes behind, which must not end the process before it has drained.
    process.stdout.on('error', () => undefined);
    process.stderr.on('error', () => undefined);
    const orphaned = (): void => {
      if (!stopping) void stop('standard input closed', ORPHAN_DRAIN_MS, 0);
    };
    process.stdin.on('end', orphaned).on('close', orphaned).on('error', orphaned).resume();
  }
  process.stdout.write(
    `${JSON.stringify({ event: 'listening', service: options.name, address: server.address })}\n`,
  );
  return server;
}

function milliseconds(name: string): number | undefined {
  return numberFromEnvironment(process.env, name, { least: 0, unit: 'milliseconds' });
}
