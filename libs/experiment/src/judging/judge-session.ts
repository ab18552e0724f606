// A session with a judge: one stream of comparisons that all who want verdicts share. What the log holds is not asked again, what is
// under way is not asked twice, nothing is asked beyond the budget, and a judge that is down is waited for.
import {
  type CompareRequest,
  type CompareResponse,
  type CostBound,
  type JudgeServiceClient,
  Outcome,
  type Usage,
} from '@overtone/contracts';
import { type Remote, RpcError, sleep } from '@overtone/rpc';
import { isBrokenConnection, isRestart } from '../services.ts';
import { boundOf, type Budget } from './budget.ts';
import { JudgeDown } from './judge-down.ts';
import { type VerdictLog, verdictKey } from './verdict-log.ts';

/** What a session works with. */
export interface JudgeSessionOptions {
  /** The judge's name in messages. */
  readonly name: string;
  readonly remote: Pick<Remote<typeof JudgeServiceClient.service>, 'compare'>;
  /** What determines its verdicts. */
  readonly fingerprint: string;
  /** The most that a comparison can cost, where the judge says so. */
  readonly costBound: CostBound | undefined;
  readonly log: VerdictLog;
  /** Undefined: without limit. */
  readonly budget: Budget | undefined;
  /** Most comparisons sent and not yet answered. */
  readonly inFlight: number;
  /** How long to wait for a judge that is down, milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Hears that the judge is down, and that it is back. */
  readonly say: (text: string) => void;
  /** Longest wait for the next answer while there are comparisons in flight, milliseconds. Default 15 minutes. */
  readonly stallMs?: number;
  /** First pause after a failure, milliseconds; it doubles up to 30 s. Default 500. */
  readonly pauseMs?: number;
}

/** Both orders of a pair: the preference for the solution that was named first, undefined where a verdict was unreadable. */
export interface PairPreferences {
  readonly forward: number | undefined;
  readonly backward: number | undefined;
}

interface Ticket {
  readonly key: string;
  readonly request: CompareRequest;
  readonly bound: Usage;
  readonly resolve: (preference: number | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

const LONGEST_PAUSE_MS = 30_000;

/** A session with one judge. */
export class JudgeSession {
  readonly #options: JudgeSessionOptions;
  /** What is under way, by key. */
  readonly #open = new Map<string, Promise<number | undefined>>();
  #queue: Ticket[] = [];
  readonly #sent = new Map<string, Ticket>();
  #nextId = 0;
  #wake: () => void = () => {};
  #closed = false;
  #pump: Promise<void> | undefined;
  #failures = 0;
  #downSince = 0;
  #lastAnswer = 0;

  constructor(options: JudgeSessionOptions) {
    this.#options = options;
  }

  /**
   * A judge's verdicts on two different solutions, in both orders.
   *
   * @returns undefined when the budget does not allow it.
   * @throws JudgeDown when the judge stays down; RpcError when it refuses the comparison.
   */
  async pair(question: string, one: string, other: string): Promise<PairPreferences | undefined> {
    const { log, budget, costBound, fingerprint } = this.#options;
    const shown = [
      [one, other],
      [other, one],
    ] as const;
    const places = shown.map(([first, second]) => ({
      first,
      second,
      key: verdictKey(fingerprint, question, first, second),
    }));
    const bound = boundOf(costBound, bytes(question) + bytes(one) + bytes(other));
    const isMissing = ({ key }: { key: string }): boolean =>
      log.get(key) === undefined && !this.#open.has(key);
    let granted = 0;
    if (budget !== undefined) {
      const missing = places.filter(isMissing);
      if (missing.length > 0 && !(await budget.reserve(missing.map(() => bound)))) return undefined;
      granted = missing.length;
    }
    const preferences = places.map(({ first, second, key }): Promise<number | undefined> => {
      const known = log.get(key);
      if (known !== undefined) return Promise.resolve(known.preference);
      const open = this.#open.get(key);
      if (open !== undefined) return open;
      granted--;
      return this.#enqueue(key, { id: '', question, first, second }, bound);
    });
    // While the budget was waited for, another pair with the same texts was asked.
    for (; granted > 0; granted--) budget?.release(bound);
    try {
      const [forward, jFirst] = await Promise.all(preferences);
      return { forward, backward: jFirst === undefined ? undefined : 1 - jFirst };
    } catch (error) {
      if (error === UNAFFORDABLE) return undefined;
      throw error;
    }
  }

  /** Ends the stream once all is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#pump;
  }

  #enqueue(key: string, request: CompareRequest, bound: Usage): Promise<number | undefined> {
    const answered = new Promise<number | undefined>((resolve, reject) => {
      this.#queue.push({ key, request, bound, resolve, reject });
    });
    // Whoever asked awaits it; where one of two orders has failed, nobody awaits the other.
    answered.catch(() => {});
    this.#open.set(key, answered);
    this.#pump ??= this.#run().finally(() => (this.#pump = undefined));
    this.#wake();
    return answered;
  }

  /** Keeps a stream open as long as there is something to ask. */
  async #run(): Promise<void> {
    const { signal } = this.#options;
    try {
      while (this.#queue.length > 0 || (!this.#closed && !signal.aborted)) {
        if (this.#queue.length === 0) await this.#somethingToAsk();
        if (this.#queue.length === 0) continue;
        try {
          await this.#stream();
        } catch (error) {
          signal.throwIfAborted();
          if (!isOutage(error)) throw error;
          this.#requeue(error);
          await this.#pause(error);
        }
      }
      signal.throwIfAborted();
    } catch (error) {
      const open = [...this.#sent.values(), ...this.#queue.splice(0)];
      this.#sent.clear();
      for (const ticket of open) {
        this.#open.delete(ticket.key);
        ticket.reject(error);
      }
    }
  }

  async #stream(): Promise<void> {
    const { remote, signal, name, stallMs = 900_000 } = this.#options;
    const stream = new AbortController();
    this.#lastAnswer = performance.now();
    const watch = setInterval(
      () => {
        if (this.#sent.size > 0 && performance.now() - this.#lastAnswer > stallMs)
          stream.abort(new Outage(`no answer within ${stallMs / 1000} s`));
      },
      Math.min(1_000, stallMs),
    );
    let ended = false;
    try {
      const answers = remote.compare(
        this.#requests(() => ended),
        { signal: AbortSignal.any([signal, stream.signal]), retries: 0 },
      );
      for await (const answer of answers) this.#answered(answer);
      if (this.#sent.size > 0)
        throw new Outage(`judge "${name}" ended its answers with ${this.#sent.size} comparisons open`);
    } finally {
      ended = true;
      this.#wake();
      clearInterval(watch);
    }
  }

  /** What is to be asked, no more at a time than may be in flight; after a failure one at a time, until it is answered. */
  async *#requests(ended: () => boolean): AsyncGenerator<CompareRequest> {
    const { log, budget, inFlight } = this.#options;
    while (!ended()) {
      const window = this.#failures > 0 ? 1 : inFlight;
      const ticket = this.#sent.size < window ? this.#queue.shift() : undefined;
      if (ticket !== undefined) {
        const id = String(this.#nextId++);
        if (this.#sent.size === 0) this.#lastAnswer = performance.now();
        this.#sent.set(id, ticket);
        if (budget !== undefined) log.ask(ticket.key, ticket.bound);
        yield { ...ticket.request, id };
      } else if (this.#closed && this.#queue.length === 0 && this.#sent.size === 0) {
        return;
      } else {
        await this.#somethingToAsk();
      }
    }
  }

  #answered({ id, outcome, preferenceFirst, usage }: CompareResponse): void {
    const { name, log, budget, say } = this.#options;
    const ticket = this.#sent.get(id);
    if (ticket === undefined)
      throw new Error(`judge "${name}" answered ${JSON.stringify(id)}, which is no comparison in flight`);
    const readable = outcome !== Outcome.OUTCOME_UNREADABLE;
    if (readable && !(preferenceFirst >= 0 && preferenceFirst <= 1))
      throw new Error(
        `judge "${name}" answered with a preference of ${preferenceFirst}; expected a probability in [0, 1]`,
      );
    this.#sent.delete(id);
    this.#open.delete(ticket.key);
    this.#lastAnswer = performance.now();
    if (this.#failures > 0) {
      say(`judge "${name}" answers again after ${seconds(performance.now() - this.#downSince)}`);
      this.#failures = 0;
    }
    // Whoever does not say what it cost is taken to have cost the most that it can.
    const cost = usage ?? ticket.bound;
    log.add(ticket.key, readable ? preferenceFirst : undefined, cost);
    budget?.settle(ticket.bound, cost);
    ticket.resolve(readable ? preferenceFirst : undefined);
    this.#wake();
  }

  /**
   * Asks again for what was sent and not answered. A judge that says that it failed has not been paid; of one that was lost that is
   * not known, and with a budget it counts as paid: what is asked for again must be affordable once more.
   */
  #requeue(error: unknown): void {
    const { log, budget } = this.#options;
    const open = [...this.#sent.values()];
    this.#sent.clear();
    if (budget === undefined || !isLost(error)) {
      if (budget !== undefined) for (const { key } of open) log.fail(key);
      this.#queue = [...open, ...this.#queue];
      return;
    }
    for (const ticket of open) {
      budget.forfeit(ticket.bound);
      void budget.reserve([ticket.bound]).then((granted) => {
        if (granted) this.#queue.unshift(ticket);
        else {
          this.#open.delete(ticket.key);
          ticket.reject(UNAFFORDABLE);
        }
        this.#wake();
      });
    }
  }

  /** Waits for a judge that failed. @throws JudgeDown when it has been down for too long. */
  async #pause(error: unknown): Promise<void> {
    const { name, log, patienceMs, pauseMs = 500, say, signal } = this.#options;
    if (this.#failures++ === 0) this.#downSince = performance.now();
    const down = performance.now() - this.#downSince;
    const reason = error instanceof Error ? error.message : String(error);
    const kept = `${log.size} verdict${log.size === 1 ? ' is' : 's are'} kept`;
    if (down >= patienceMs)
      throw new JudgeDown(
        `judge "${name}" has been down for ${seconds(down)} (${reason}); ${kept}, and the same command continues`,
      );
    const pause = Math.min(
      LONGEST_PAUSE_MS,
      pauseMs * 2 ** Math.min(this.#failures - 1, 10),
      patienceMs - down,
    );
    say(
      `judge "${name}" is down (${reason}): the stage pauses, ${kept}; trying again in ${seconds(pause)}, giving up in ${seconds(patienceMs - down)}`,
    );
    await sleep(pause, signal);
  }

  /** Waits until something has changed. */
  #somethingToAsk(): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      if (signal.aborted) done();
      else signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** A failure that a judge may recover from. */
class Outage extends Error {
  override readonly name = 'Outage';
}

/** A comparison was lost, and the budget does not allow to ask for it again. */
const UNAFFORDABLE = new Error('the budget does not allow it');

/** Whether nobody can say what a judge did with what it was asked: it went silent, or the connection broke. */
function isLost(error: unknown): boolean {
  return error instanceof Outage || isBrokenConnection(error);
}

const OUTAGES = new Set(['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED']);

function isOutage(error: unknown): boolean {
  if (error instanceof Outage) return true;
  return error instanceof RpcError && (OUTAGES.has(error.codeName) || isRestart(error));
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

function seconds(milliseconds: number): string {
  const whole = milliseconds / 1000;
  return whole < 10
    ? `${whole.toFixed(1)} s`
    : whole < 120
      ? `${Math.round(whole)} s`
      : `${Math.round(whole / 60)} min`;
}
