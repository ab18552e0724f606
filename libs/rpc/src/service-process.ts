// A service as a process of its own: configured by the environment, announced by one line on standard output, and ended
// gracefully by a signal or, for services that a parent started, by the parent's death.
//
//   OVERTONE_LISTEN=127.0.0.1:0      where to listen
//   OVERTONE_TLS_CERT, _KEY, _CA     PEM files; OVERTONE_INSECURE=1 allows plain text beyond loopback
//   OVERTONE_REFLECTION=0            no reflection
//   OVERTONE_DRAIN_MS=10000          time for open calls to finish
//   OVERTONE_EXIT_WITH_PARENT=1      exit when standard input closes
import { logger, shutdownTelemetry } from '@overtone/telemetry';
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
    reflection: env.OVERTONE_REFLECTION === undefined ? options.reflection : env.OVERTONE_REFLECTION !== '0',
    drainMs: env.OVERTONE_DRAIN_MS === undefined ? options.drainMs : milliseconds(env.OVERTONE_DRAIN_MS),
  });

  let stopping = false;
  const stop = async (reason: string, drainMs?: number): Promise<void> => {
    stopping = true;
    log.info('draining', { reason });
    let code = 0;
    try {
      await server.close(drainMs);
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
      if (!stopping) void stop('standard input closed', ORPHAN_DRAIN_MS);
    };
    process.stdin.on('end', orphaned).on('close', orphaned).on('error', orphaned).resume();
  }
  process.stdout.write(
    `${JSON.stringify({ event: 'listening', service: options.name, address: server.address })}\n`,
  );
  return server;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new Error(`OVERTONE_DRAIN_MS is "${text}", expected a number of milliseconds ≥ 0`);
  }
  return value;
}
