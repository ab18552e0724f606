// A client that sends what no gRPC library would: calls over plain HTTP/2, whose answers are read as they come.
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { type MalformedCall } from './broken-frames.ts';

/** How a call ended: a gRPC status's name, "HTTP 415", "RESET" without a status, "CLOSED" with its connection, "NO ANSWER". */
export interface Outcome {
  readonly status: string;
  readonly message: string;
  /** Bytes of the answers, with their frames. */
  readonly body: Buffer;
}

/** What a connection may hold of what is still to be sent; beyond it Node refuses its own calls. */
const MOST_SESSION_MEGABYTES = 1000;
/** Longest that any call may take, milliseconds. */
const LONGEST_MS = 30_000;

/** Connections to one server; each is opened when it is first used, and again when it was closed. */
export class Wire {
  readonly #address: string;
  readonly #sessions: (ClientHttp2Session | undefined)[];
  #next = 0;

  constructor(address: string, connections = 4) {
    this.#address = address;
    this.#sessions = Array.from({ length: connections }, () => undefined);
  }

  /** Sends a call and waits for its end. Never rejects. */
  call({ path, headers = {}, body, cancelAfterMs }: MalformedCall, deadline = '1S'): Promise<Outcome> {
    return new Promise((resolve) => {
      const pieces: Buffer[] = [];
      let answered: IncomingHttpHeaders = {};
      let failure = '';
      const given = Object.entries({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': deadline,
        ...headers,
      }).filter(([, value]) => value !== undefined);
      const stream = this.#session().request(Object.fromEntries(given), { endStream: false });
      const end = (closed: string): void => {
        clearTimeout(limit);
        resolve({
          ...read(answered, closed),
          body: Buffer.concat(pieces),
          ...(failure && { message: failure }),
        });
      };
      const limit = setTimeout(() => {
        stream.close(constants.NGHTTP2_CANCEL);
        end('NO ANSWER');
      }, LONGEST_MS);
      stream.on('response', (received: IncomingHttpHeaders) => {
        answered = { ...answered, ...received };
      });
      stream.on('trailers', (received: IncomingHttpHeaders) => {
        answered = { ...answered, ...received };
      });
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('error', (error: Error) => {
        failure = error.message;
      });
      stream.on('close', () => {
        const reset = stream.rstCode !== constants.NGHTTP2_NO_ERROR;
        end(cancelAfterMs === undefined ? (reset ? 'RESET' : 'CLOSED') : 'CANCELLED');
      });
      if (cancelAfterMs === undefined) {
        stream.end(body);
      } else {
        stream.write(body);
        setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), cancelAfterMs);
      }
    });
  }

  /** Closes all connections. */
  close(): void {
    for (const session of this.#sessions) session?.destroy();
    this.#sessions.fill(undefined);
  }

  #session(): ClientHttp2Session {
    const place = this.#next++ % this.#sessions.length;
    const open = this.#sessions[place];
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connect(`http://${this.#address}`, { maxSessionMemory: MOST_SESSION_MEGABYTES });
    // A server may close the connection of who misbehaves; calls on it say so.
    session.on('error', () => undefined);
    session.setMaxListeners(0);
    this.#sessions[place] = session;
    return session;
  }
}

function read(headers: IncomingHttpHeaders, closed: string): { status: string; message: string } {
  const code = headers['grpc-status'];
  const message = String(headers['grpc-message'] ?? '');
  if (code !== undefined) return { status: status[Number(code)] ?? String(code), message };
  const http = Number(headers[':status'] ?? 200);
  return { status: http === 200 ? closed : `HTTP ${http}`, message };
}
