// `overtone ui`: serves the pages until it is interrupted.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { findRuns, readRun } from '@overtone/experiment/history';
import { InputError } from '@overtone/experiment/prepare';
import { isLoopback } from './ui/own-hosts.ts';
import { createUiServer } from './ui/server.ts';

/** Where `ui` listens when it is not told. */
const DEFAULT_PORT = 7410;

/** What to serve, and where. */
export interface UiCommandOptions {
  /** A run folder, or one with runs below it. */
  readonly folder: string;
  readonly host: string;
  /** Absent: the default one, or any other that is free; 0 is any that is free. */
  readonly port?: number | undefined;
  readonly json: boolean;
  readonly signal: AbortSignal;
  /** Takes what a person is told. */
  readonly out: (text: string) => void;
  readonly warn: (text: string) => void;
}

/**
 * Serves until the signal aborts, which is how it is meant to end.
 *
 * @throws InputError when the folder is not there, or the address cannot be listened on.
 */
export async function serveUi({
  folder,
  host,
  port,
  json,
  signal,
  out,
  warn,
}: UiCommandOptions): Promise<void> {
  const runs = await findRuns(folder);
  // One that was named is to be one that can be read.
  if (runs.length === 1 && runs[0] !== undefined) await readRun(runs[0]);
  const server = createUiServer({ folder, host });
  try {
    await listen(server, host, port ?? DEFAULT_PORT).catch((error: unknown) => {
      if (port === undefined && codeOf(error) === 'EADDRINUSE') return listen(server, host, 0);
      throw error;
    });
  } catch (error) {
    throw new InputError(`cannot listen on ${host}:${port ?? DEFAULT_PORT}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no address');
  const wide = host === '0.0.0.0' || host === '::';
  const shown = wide ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const url = `http://${shown}:${address.port}/`;
  if (!isLoopback(host))
    warn(
      `warning: whoever reaches ${host}:${address.port} over the network can read these runs; there is no password. An SSH tunnel (ssh -L ${address.port}:localhost:${address.port} …) to the default address is safer.\n`,
    );
  out(json ? `${JSON.stringify({ url, runs: runs.length })}\n` : `${url}\n`);
  if (!json)
    warn(
      `${runs.length === 1 ? 'One run' : `${runs.length} runs`} in ${folder}. Ctrl-C ends it; the runs go on.\n`,
    );
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  server.closeAllConnections();
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
