// A proxy between a client and a server that delays, cuts and refuses, for tests of what a network does.
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What it does to what passes. */
export interface Behaviour {
  /** Bytes a second in each direction; absent: as fast as it goes. */
  bytesPerSecond?: number;
  /** Cuts a connection when so many bytes have passed from the server. */
  cutAnswerAfter?: number;
  /** Cuts a connection when so many bytes have passed to the server. */
  cutRequestAfter?: number;
  /** How many connections it still cuts. */
  cuts?: number;
  /** Lets nothing pass, and answers nothing. */
  silent?: boolean;
}

/** A running proxy. */
export class TcpProxy {
  behaviour: Behaviour = {};
  /** Bytes that have passed. */
  readonly passed = { up: 0, down: 0 };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: { host: string; port: number }) {
    this.#server = createServer((client) => this.#serve(client, createConnection(target)));
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Ends all connections that are open. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    // What has come before an end is passed on before it; a connection that breaks, breaks on both sides.
    this.#pass(client, server, 'up').then(
      () => server.end(),
      () => server.destroy(),
    );
    this.#pass(server, client, 'down').then(
      () => client.end(),
      () => client.destroy(),
    );
  }

  async #pass(from: Socket, to: Socket, way: 'up' | 'down'): Promise<void> {
    let passed = 0;
    for await (const chunk of from as AsyncIterable<Buffer>) {
      while (this.behaviour.silent === true) await delay(20);
      const { bytesPerSecond, cutAnswerAfter, cutRequestAfter, cuts = Infinity } = this.behaviour;
      passed += chunk.length;
      this.passed[way] += chunk.length;
      const limit = way === 'up' ? cutRequestAfter : cutAnswerAfter;
      if (limit !== undefined && passed > limit && cuts > 0) {
        this.behaviour.cuts = cuts - 1;
        throw new Error('cut');
      }
      if (bytesPerSecond !== undefined) await delay((chunk.length / bytesPerSecond) * 1000);
      if (to.destroyed) throw new Error('nobody listens any more');
      if (!to.write(chunk)) await once(to, 'drain');
    }
  }
}
