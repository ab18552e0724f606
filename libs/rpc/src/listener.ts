// The listener: where connections come in, and how many there may be. One too many is closed before anything is read from it: a
// connection costs memory before it has said who it is.
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { lookup } from 'node:dns/promises';
import { createServer, type ListenOptions, type Server as SocketServer } from 'node:net';
import { logger } from '@overtone/telemetry';

/** A place where connections come in. */
export interface Listener {
  /** "host:port" with the actual port. */
  readonly address: string;
  /** Lets no more connections in; those that are open go on. Resolves when the last of them has ended. */
  close(): Promise<void>;
}

const REPORT_EVERY_MS = 10_000;

/**
 * Lets at most `most` connections (0: any number) at `address`, "host:port" or "unix:/path", in to `server`. A name that has several
 * addresses is listened to at those that this machine has. Throws when the address is taken or malformed.
 */
export async function listen(
  server: Server,
  address: string,
  credentials: ServerCredentials,
  most: number,
): Promise<Listener> {
  const injector = server.createConnectionInjector(credentials);
  const report = reporter(address);
  const open = async (at: ListenOptions): Promise<SocketServer> => {
    const sockets = createServer((socket) => injector.injectConnection(socket));
    if (most > 0) sockets.maxConnections = most;
    sockets.on('drop', report);
    await new Promise<void>((resolve, reject) => sockets.once('error', reject).listen(at, resolve));
    return sockets;
  };
  const listening: SocketServer[] = [];
  let failure: unknown;
  for (const at of await placesOf(address)) {
    const port = 'port' in at && at.port === 0 ? portOf(listening[0]) : undefined;
    try {
      listening.push(await open(port === undefined ? at : { ...at, port }));
    } catch (error) {
      failure = error;
    }
  }
  if (listening.length === 0) throw failure;
  const port = portOf(listening[0]);
  return {
    address: port === undefined ? address : `${address.slice(0, address.lastIndexOf(':'))}:${port}`,
    close: async () => {
      await Promise.all(
        listening.map((sockets) => new Promise<void>((resolve) => sockets.close(() => resolve()))),
      );
    },
  };
}

async function placesOf(address: string): Promise<ListenOptions[]> {
  const [, path] = /^unix:(.+)$/.exec(address) ?? [];
  if (path !== undefined) return [{ path }];
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new Error(`"${address}" is no address to listen on: expected host:port or unix:/path`);
  const found = await lookup(host, { all: true });
  return found.map(({ address: ip }) => ({ host: ip, port: Number(port) }));
}

function portOf(sockets: SocketServer | undefined): number | undefined {
  const bound = sockets?.address();
  return typeof bound === 'object' ? bound?.port : undefined;
}

/** Logs that connections are turned away, at most once in ten seconds. */
function reporter(address: string): () => void {
  let quietUntil = 0;
  return () => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + REPORT_EVERY_MS;
    logger('rpc').warn('connections are turned away: there are as many as there may be', { address });
  };
}
