// The calls that a server has open: so that a drain can end them, and for the log.
import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { logger } from '@overtone/telemetry';

interface OpenCall {
  path: string;
  sendStatus(answer: { code: status; details: string }): void;
  /** Undefined where what was asked is one request, or counts only as a whole. */
  endRequests?: () => void;
}

const SHUTTING_DOWN = { code: status.UNAVAILABLE, details: 'the server is shutting down' };

type Listener = Parameters<ServerInterceptingCall['start']>[0];
type Answer = Parameters<ServerInterceptingCall['sendStatus']>[0];

/** A call whose requests can be taken for ended: what has been read is answered, and the rest is left to another server. */
class EndableCall extends ServerInterceptingCall {
  #listener: Listener | undefined;
  #whole = false;
  #cut = false;

  override start(listener: Listener): void {
    this.#listener = listener;
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message) => {
        if (!this.#cut) listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => {
        this.#whole = true;
        if (!this.#cut) listener.onReceiveHalfClose();
      },
      onCancel: () => listener.onCancel(),
    });
  }

  override sendStatus(answer: Answer): void {
    super.sendStatus(this.#cut && answer.code === status.OK ? SHUTTING_DOWN : answer);
  }

  endRequests(): void {
    if (this.#whole || this.#cut) return;
    this.#cut = true;
    this.#listener?.onReceiveHalfClose();
  }
}

/** All open calls of one server. */
export class OpenCalls {
  readonly #open = new Set<OpenCall>();
  readonly #log;

  /** `name` is the server's in the log. */
  constructor(name: string) {
    this.#log = logger(name);
  }

  /** Ends the chosen calls with UNAVAILABLE: their callers may try again elsewhere. */
  end(chosen: (path: string) => boolean): void {
    for (const call of [...this.#open]) {
      if (chosen(call.path)) call.sendStatus(SHUTTING_DOWN);
    }
  }

  /**
   * Reads no further requests of streams that answer each of them: what has been read is answered, then they end with UNAVAILABLE, and
   * their callers ask another server for the rest. They would otherwise go on for as long as anything is asked, and be cut off.
   */
  endRequests(): void {
    for (const call of this.#open) call.endRequests?.();
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
    const endable = new EndableCall(
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
    if (method.requestStream && method.responseStream) open.endRequests = () => endable.endRequests();
    return endable;
  };
}
