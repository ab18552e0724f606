// A judge that is there to be called: what is tested is the way to it.
import { JudgeServiceClient, JudgeServiceService } from '@overtone/contracts';
import {
  bidiHandler,
  type CallContext,
  connect,
  type ConnectOptions,
  type Remote,
  type RunningServer,
  serve,
  type ServeOptions,
  sleep,
  unaryHandler,
} from './index.ts';

/** Clients and servers of one test; `close` ends them in reverse order. */
export class Scene {
  readonly #open: { close(): unknown }[] = [];

  /** A server whose `describe` answers with `name`, and whose `compare` takes as many milliseconds as `first` says. */
  async judge(
    options: Partial<ServeOptions> = {},
    describe: (context: CallContext) => string = () => 'judge',
  ): Promise<RunningServer> {
    const server = await serve({
      name: 'judge',
      drainMs: 1000,
      ...options,
      services: [
        {
          definition: JudgeServiceService,
          implementation: {
            compare: bidiHandler(async function* (requests: AsyncIterable<{ id: string; first: string }>) {
              for await (const { id, first } of requests) {
                await sleep(Number(first));
                yield { id, preferenceFirst: 1, outcome: 1, rationale: '' };
              }
            }),
            describe: unaryHandler((_, context) => ({
              name: describe(context),
              backend: '',
              fingerprint: '',
            })),
          },
        },
      ],
    });
    return this.add(server);
  }

  connect(address: string, options: ConnectOptions = {}): Remote<typeof JudgeServiceService> {
    return this.add(connect(JudgeServiceClient, address, { retries: 0, timeoutMs: 10_000, ...options }));
  }

  /** Something else that is to be closed with it. */
  add<Closable extends { close(): unknown }>(closable: Closable): Closable {
    this.#open.push(closable);
    return closable;
  }

  async close(): Promise<void> {
    for (const each of this.#open.splice(0).reverse()) await each.close();
  }
}

/** A comparison that takes so many milliseconds. */
export function comparison(milliseconds: number): {
  id: string;
  question: string;
  first: string;
  second: string;
} {
  return { id: '1', question: '', first: String(milliseconds), second: '' };
}
