// A link: a TCP proxy that can be made slow while connections are open. It delays every byte, and lets only so many through a second;
// what is on its way stays in order.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Where something listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** How a link is. */
export interface LinkQuality {
  /** Each way, milliseconds. */
  readonly delayMs: number;
  /** Each way and for each connection. */
  readonly bytesPerSecond: number;
}

const GOOD: LinkQuality = { delayMs: 0, bytesPerSecond: Infinity };
/** What a link holds of a connection before it takes no more. */
const MOST_QUEUED = 64 * 1024;

/** A link to one place. */
export class Link {
  quality: LinkQuality = GOOD;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(to: Place) {
    this.#server = createServer((near) => {
      const far = connect(to);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      void this.#carry(near, far);
      void this.#carry(far, near);
    });
  }

  /** Opens a link: whoever connects to `from` reaches `to`. */
  static async open(from: Place, to: Place): Promise<Link> {
    const link = new Link(to);
    link.#server.listen(from.port, from.host);
    await once(link.#server, 'listening');
    return link;
  }

  /** Makes the link good again. */
  mend(): void {
    this.quality = GOOD;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Carries bytes one way until the connection ends. */
  async #carry(from: Socket, to: Socket): Promise<void> {
    const queue: { readonly bytes: Buffer; readonly due: number }[] = [];
    let queued = 0;
    let free = 0;
    let wake = (): void => {};
    let ended = false;
    from.on('data', (bytes: Buffer) => {
      const { delayMs, bytesPerSecond } = this.quality;
      free = Math.max(free, performance.now()) + (1000 * bytes.length) / bytesPerSecond;
      queue.push({ bytes, due: free + delayMs });
      queued += bytes.length;
      if (queued >= MOST_QUEUED) from.pause();
      wake();
    });
    for (const event of ['end', 'close'] as const)
      from.on(event, () => {
        ended = true;
        wake();
      });
    for (;;) {
      const next = queue.shift();
      if (next === undefined) {
        if (ended) break;
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const wait = next.due - performance.now();
      if (wait > 0) await delay(wait);
      if (to.destroyed) return;
      to.write(next.bytes);
      queued -= next.bytes.length;
      if (queued < MOST_QUEUED) from.resume();
    }
    to.end();
  }
}
