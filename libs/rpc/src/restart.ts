// What a client sees of a server that died, drains or was never there: errors after which the same may be asked of another server.
import { RpcError } from './error.ts';
import { isShed } from './retry.ts';

/** Whether an error is what a client sees of a server that died, drains, or has too much to do at the moment. */
export function isRestart(error: unknown): error is RpcError {
  if (!(error instanceof RpcError)) return false;
  if (error.codeName === 'UNAVAILABLE' || isShed(error)) return true;
  return (error.codeName === 'INTERNAL' || error.codeName === 'CANCELLED') && isBrokenConnection(error);
}

/** Whether an error says that a connection broke, not that a server answered. */
export function isBrokenConnection(error: unknown): boolean {
  const lost =
    /RST_STREAM|ECONNRESET|EPIPE|ECONNREFUSED|GOAWAY|socket hang up|connection (was )?(closed|dropped|lost)/i;
  return error instanceof RpcError && lost.test(error.message);
}
