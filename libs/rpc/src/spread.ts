// Spreading: work of one caller dealt out among the replicas of a service, each over a stream of its own. Whoever would be done first is
// given the next item; what a replica that broke had not answered is given to another. Items are read from their source only as somebody
// can take them, and answers are read only as the caller asks for them. With one replica all of this is that replica's stream.
import { sleep } from './abort.ts';
import { isNext, Load } from './load.ts';
import { Rendezvous } from './rendezvous.ts';
import { isRestart } from './restart.ts';
import { isShed } from './retry.ts';
import { workOnReplicas } from './work-on-replicas.ts';

/** What to spread. */
export interface SpreadOptions<Replica, Item, Answer> {
  /** The replicas as they are now; the same objects as before for those that were there before. */
  readonly replicas: () => Promise<readonly Replica[]>;
  /** Opens a stream to a replica: answers, in any order. */
  readonly open: (replica: Replica, items: AsyncIterable<Item>, signal: AbortSignal) => AsyncIterable<Answer>;
  readonly items: AsyncIterable<Item> | Iterable<Item>;
  /** Names an item. */
  readonly idOf: (item: Item) => string;
  /** Names the item that an answer is the last one to; undefined: others follow. */
  readonly answers: (answer: Answer) => string | undefined;
  readonly signal: AbortSignal;
  /** First pause of a replica that broke, milliseconds; it doubles up to 30 s. Default 500. */
  readonly pauseMs?: number;
}

const LONGEST_PAUSE_MS = 30_000;
/** Most items that a replica has in hand. */
const LARGEST_WINDOW = 1024;

/**
 * Answers to all items, in the order of their completion.
 *
 * @throws the error of the last replica when all have broken, and any error at once that is not a replica's end.
 */
export async function* spread<Replica extends object, Item, Answer>(
  options: SpreadOptions<Replica, Item, Answer>,
): AsyncGenerator<Answer> {
  const { replicas, open, items, signal } = options;
  const [only, ...others] = await replicas();
  if (only !== undefined && others.length === 0) {
    yield* open(only, asAsync(items), signal);
    return;
  }
  const left = new AbortController();
  const deal = new Deal(options, AbortSignal.any([signal, left.signal]));
  const working = deal.run();
  try {
    yield* deal.answers();
  } finally {
    left.abort();
    await working;
  }
}

async function* asAsync<Item>(items: AsyncIterable<Item> | Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

interface Lane<Item> {
  readonly load: Load;
  readonly open: Map<string, Item>;
  failures: number;
}

class Deal<Replica extends object, Item, Answer> {
  readonly #options: SpreadOptions<Replica, Item, Answer>;
  readonly #signal: AbortSignal;
  readonly #source: AsyncIterator<Item> | Iterator<Item>;
  readonly #out = new Rendezvous<Answer>();
  readonly #lanes = new Set<Lane<Item>>();
  readonly #waiting = new Set<() => void>();
  /** What is to be given next: what came back, and the one item that was read. */
  readonly #queue: Item[] = [];
  #reading = false;
  #exhausted = false;
  #sourceError: { readonly error: unknown } | undefined;

  constructor(options: SpreadOptions<Replica, Item, Answer>, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const { items } = options;
    this.#source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  answers(): AsyncGenerator<Answer> {
    return this.#out.take();
  }

  /** Works until all is answered; an error goes to whoever reads the answers. */
  async run(): Promise<void> {
    try {
      await workOnReplicas(
        this.#options.replicas,
        (replica, present, signal) => this.#serve(replica, present, signal),
        { signal: this.#signal },
      );
      this.#out.end();
    } catch (error) {
      this.#out.end({ error });
    } finally {
      if (!this.#exhausted) void Promise.resolve(this.#source.return?.()).catch(() => undefined);
    }
  }

  get #isDone(): boolean {
    return (
      this.#exhausted && this.#queue.length === 0 && [...this.#lanes].every(({ open }) => open.size === 0)
    );
  }

  async #serve(replica: Replica, present: () => boolean, signal: AbortSignal): Promise<void> {
    const lane: Lane<Item> = { load: new Load(), open: new Map(), failures: 0 };
    const { pauseMs = 500 } = this.#options;
    this.#lanes.add(lane);
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!this.#isDone) {
        try {
          await this.#stream(replica, lane, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!isRestart(error) && !isShed(error)) throw error;
          lane.failures++;
          this.#queue.unshift(...lane.open.values());
          lane.open.clear();
          lane.load.clear();
          // One that has too much to do now will have less.
          if (!isShed(error) && [...this.#lanes].every(({ failures }) => failures > 0)) throw error;
          this.#wake();
          const pause = Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** (lane.failures - 1));
          await sleep(isShed(error) ? Math.max(pause, error.pushbackMs) : pause, signal);
          if (!present()) return;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#lanes.delete(lane);
      this.#wake();
    }
  }

  async #stream(replica: Replica, lane: Lane<Item>, signal: AbortSignal): Promise<void> {
    const { open, answers } = this.#options;
    let ended = false;
    const items = this.#itemsOf(lane, () => ended || signal.aborted);
    try {
      for await (const answer of open(replica, items, signal)) {
        const id = answers(answer);
        if (id !== undefined) {
          if (!lane.open.delete(id)) throw new Error(`a replica answered "${id}", which it was not asked`);
          lane.load.finish();
        }
        lane.failures = 0;
        await this.#out.put(answer);
        this.#wake();
      }
      signal.throwIfAborted();
      if (this.#sourceError !== undefined) throw this.#sourceError.error;
      if (lane.open.size > 0) throw new Error(`a replica ended its answers with ${lane.open.size} open`);
    } finally {
      ended = true;
      this.#wake();
    }
  }

  async *#itemsOf(lane: Lane<Item>, ended: () => boolean): AsyncGenerator<Item> {
    while (!ended()) {
      const item = this.#next(lane);
      if (item !== undefined) {
        lane.open.set(this.#options.idOf(item), item);
        lane.load.start();
        this.#wake();
        yield item;
      } else if (this.#sourceError !== undefined || this.#isDone) {
        return;
      } else {
        lane.load.hungry = true;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
        lane.load.hungry = false;
      }
    }
  }

  #next(lane: Lane<Item>): Item | undefined {
    // After a failure one at a time, until it is answered.
    const window = lane.failures > 0 ? 1 : Math.min(lane.load.window, LARGEST_WINDOW);
    if (lane.open.size >= window) return undefined;
    if (this.#queue.length === 0) {
      this.#read();
      return undefined;
    }
    const loads = [...this.#lanes].filter(({ failures }) => failures === 0).map(({ load }) => load);
    return isNext(lane.load, loads) ? this.#queue.shift() : undefined;
  }

  /** Reads one item from the source, unless that is under way. */
  #read(): void {
    if (this.#reading || this.#exhausted) return;
    this.#reading = true;
    Promise.resolve(this.#source.next()).then(
      (next) => {
        if (next.done === true) this.#exhausted = true;
        else this.#queue.push(next.value);
        this.#reading = false;
        this.#wake();
      },
      (error: unknown) => {
        this.#exhausted = true;
        this.#sourceError = { error };
        this.#wake();
      },
    );
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
