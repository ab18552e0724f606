// A session with a judge: comparisons of all who want verdicts, dealt out over one stream to each of the judge's replicas. What the log
// holds is not asked again, what is under way is not asked twice, nothing is asked beyond the budget, what a replica that broke has not
// answered is given to another, and a judge that is down is waited for.
import { type CompareRequest, type CompareResponse, Outcome, type Usage } from '@overtone/contracts';
import { isNext, sleep, workOnReplicas } from '@overtone/rpc';
import { count } from '@overtone/telemetry';
import { boundOf } from './budget.ts';
import { JudgeDown } from './judge-down.ts';
import { JudgeLane, type JudgeReplica, type Ticket } from './judge-lane.ts';
import type { JudgeSessionOptions } from './judge-session-options.ts';
import { isDrain, isLost, isOutage, Outage, seconds } from './judge-outage.ts';
import { verdictKey } from './verdict-log.ts';

export type { JudgeSessionOptions };

/** Both orders of a pair: the preference for the solution that was named first, undefined where a verdict was unreadable. */
export interface PairPreferences {
  readonly forward: number | undefined;
  readonly backward: number | undefined;
}

const LONGEST_PAUSE_MS = 30_000;
/** Longest that the restart of a replica may take before it is spoken of. */
const RESTART_MS = 15_000;
/** Longest that a replica may take to say who it is. */
const RECOGNITION_MS = 10_000;

/** A session with one judge. */
export class JudgeSession {
  readonly #options: JudgeSessionOptions;
  /** What is under way, by key. */
  readonly #open = new Map<string, Promise<number | undefined>>();
  #queue: Ticket[] = [];
  readonly #lanes = new Set<JudgeLane>();
  readonly #waiting = new Set<() => void>();
  #closed = false;
  #pump: Promise<void> | undefined;

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

  /** Ends the streams once all is answered, and kept. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#pump;
    if (!this.#options.signal.aborted) await this.#roomToKeep();
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

  /** Keeps streams open as long as there is something to ask. */
  async #run(): Promise<void> {
    const { remote, signal } = this.#options;
    const replicas = async (): Promise<readonly JudgeReplica[]> =>
      // Where nobody knows the replicas, the judge as a whole says what is the matter.
      (await remote.replicas?.().catch(() => undefined)) ?? [remote];
    try {
      await workOnReplicas(replicas, (...task) => this.#serve(...task), { signal });
      signal.throwIfAborted();
    } catch (error) {
      for (const ticket of this.#queue.splice(0)) this.#fail(ticket, error);
    }
  }

  /** Keeps a stream to a replica open as long as there is something to ask, here or in another lane that may break. */
  async #serve(replica: JudgeReplica, present: () => boolean, signal: AbortSignal): Promise<void> {
    const lane = new JudgeLane(replica);
    this.#lanes.add(lane);
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!this.#isFinished && !signal.aborted) {
        const idle = this.#queue.length === 0 && lane.own.length === 0;
        if (idle) await this.#changed();
        if (idle) continue;
        try {
          await this.#stream(lane, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!isOutage(error)) throw error;
          if (await this.#isBack(lane, error, signal)) continue;
          this.#requeue(lane.takeBack(), error);
          await this.#pause(lane, error, signal);
          if (!present()) return;
        }
      }
      signal.throwIfAborted();
    } catch (error) {
      for (const ticket of lane.takeBack()) this.#fail(ticket, error);
      throw error;
    } finally {
      signal.removeEventListener('abort', wake);
      this.#lanes.delete(lane);
      this.#wake();
    }
  }

  get #isFinished(): boolean {
    return this.#closed && this.#queue.length === 0 && [...this.#lanes].every(({ idle }) => idle);
  }

  async #stream(lane: JudgeLane, signal: AbortSignal): Promise<void> {
    const { name, stallMs = 900_000 } = this.#options;
    await this.#recognise(lane, signal);
    const stream = new AbortController();
    lane.lastAnswer = performance.now();
    const watch = setInterval(
      () => {
        if (lane.open > 0 && performance.now() - lane.lastAnswer > stallMs)
          stream.abort(new Outage(`no answer within ${stallMs / 1000} s`));
      },
      Math.min(1_000, stallMs),
    );
    let ended = false;
    try {
      const answers = lane.replica.compare(
        this.#requests(lane, () => ended || signal.aborted),
        { signal: AbortSignal.any([signal, stream.signal]), retries: 0 },
      );
      for await (const answer of answers) this.#answered(lane, answer);
      if (lane.open > 0)
        throw new Outage(`judge "${name}" ended its answers with ${lane.open} comparisons open`);
    } finally {
      ended = true;
      this.#wake();
      clearInterval(watch);
    }
  }

  /** Makes sure that a replica is the judge that was described: in the middle of an upgrade it may be another. */
  async #recognise({ replica }: JudgeLane, signal: AbortSignal): Promise<void> {
    const { remote, fingerprint: expected } = this.#options;
    if (replica === remote || replica.describe === undefined) return;
    const { fingerprint } = await replica.describe({}, { signal, retries: 0, timeoutMs: RECOGNITION_MS });
    if (fingerprint !== expected)
      throw new Outage(
        `the replica at ${replica.address ?? 'the same address'} is another judge: its fingerprint is ${fingerprint}, expected ${expected}`,
      );
  }

  /**
   * Whether a replica whose connection broke is back at once. It may keep answers that were paid for: it alone is asked for them again,
   * which costs nothing. A budget counts what was lost as paid, whoever is asked again.
   */
  async #isBack(lane: JudgeLane, error: unknown, signal: AbortSignal): Promise<boolean> {
    const { budget, remote, pauseMs = 500 } = this.#options;
    if (lane.replica === remote || budget !== undefined || lane.failures > 0 || !isLost(error)) return false;
    lane.own = lane.takeBack();
    lane.failures++;
    lane.downSince = performance.now();
    lane.quiet = true;
    await sleep(pauseMs, signal);
    try {
      await this.#recognise(lane, signal);
      return true;
    } catch (failure) {
      signal.throwIfAborted();
      if (!isOutage(failure)) throw failure;
      return false;
    } finally {
      lane.failures = 0;
    }
  }

  /** What is to be asked, no more at a time than may be in flight; after a failure one at a time, until it is answered. */
  async *#requests(lane: JudgeLane, ended: () => boolean): AsyncGenerator<CompareRequest> {
    const { log, budget } = this.#options;
    while (!ended()) {
      await this.#roomToKeep();
      const ticket = this.#next(lane);
      if (ticket !== undefined) {
        const id = lane.send(ticket);
        if (this.#queue.length > 0 && this.#lanes.size > 1) this.#wake();
        if (budget !== undefined) log.ask(ticket.key, ticket.bound);
        yield { ...ticket.request, id };
      } else if (this.#isFinished) {
        return;
      } else {
        lane.load.hungry = true;
        await this.#changed();
        lane.load.hungry = false;
      }
    }
  }

  /** What a lane is to ask now: the next comparison, where no other lane would have it answered sooner. */
  #next(lane: JudgeLane): Ticket | undefined {
    if (this.#isFull(lane)) return undefined;
    if (this.#queue.length === 0 || lane.own.length > 0) return lane.own.shift();
    const rivals = [...this.#lanes].filter((other) => other.failures === 0 && !this.#isFull(other));
    return isNext(
      lane.load,
      rivals.map(({ load }) => load),
    )
      ? this.#queue.shift()
      : undefined;
  }

  #isFull({ failures, open, load }: JudgeLane): boolean {
    const { inFlight } = this.#options;
    const most = this.#lanes.size > 1 ? Math.min(inFlight, load.window) : inFlight;
    return open >= (failures > 0 ? 1 : most);
  }

  /** Waits until the log holds all that was answered: what cannot be kept must not be asked for. */
  async #roomToKeep(): Promise<void> {
    const { name, log, say, signal } = this.#options;
    if (log.flush()) return;
    say(`judge "${name}": the disk is full, so that no further verdicts can be kept; the stage pauses`);
    while (!log.flush()) await sleep(1000, signal);
    say(`judge "${name}": there is room for verdicts again`);
  }

  #answered(lane: JudgeLane, { id, outcome, preferenceFirst, usage }: CompareResponse): void {
    const { name, log, budget, say } = this.#options;
    const ticket = lane.get(id);
    if (ticket === undefined)
      throw new Error(`judge "${name}" answered ${JSON.stringify(id)}, which is no comparison in flight`);
    const readable = outcome !== Outcome.OUTCOME_UNREADABLE;
    if (readable && !(preferenceFirst >= 0 && preferenceFirst <= 1))
      throw new Error(
        `judge "${name}" answered with a preference of ${preferenceFirst}; expected a probability in [0, 1]`,
      );
    lane.answered(id);
    this.#open.delete(ticket.key);
    if (lane.failures > 0) {
      if (!lane.quiet)
        say(`${this.#nameOf(lane)} answers again after ${seconds(performance.now() - lane.downSince)}`);
      lane.failures = 0;
    }
    // Whoever does not say what it cost is taken to have cost the most that it can.
    const cost = usage ?? ticket.bound;
    log.add(ticket.key, readable ? preferenceFirst : undefined, cost);
    budget?.settle(ticket.bound, cost);
    const price = budget?.price(cost);
    if (price) count('overtone.judge.cost', price, { 'overtone.judge': name });
    ticket.resolve(readable ? preferenceFirst : undefined);
    this.#wake();
  }

  /**
   * Asks again for what was sent and not answered. A judge that says that it failed has not been paid; of one that was lost that is
   * not known, and with a budget it counts as paid: what is asked for again must be affordable once more.
   */
  #requeue(open: readonly Ticket[], error: unknown): void {
    const { log, budget } = this.#options;
    if (budget === undefined || !isLost(error)) {
      if (budget !== undefined) for (const { key } of open) log.fail(key);
      this.#queue = [...open, ...this.#queue];
      this.#wake();
      return;
    }
    for (const ticket of open) {
      budget.forfeit(ticket.bound);
      void budget.reserve([ticket.bound]).then((granted) => {
        if (granted) this.#queue.unshift(ticket);
        else this.#fail(ticket, UNAFFORDABLE);
        this.#wake();
      });
    }
  }

  #fail(ticket: Ticket, reason: unknown): void {
    this.#open.delete(ticket.key);
    ticket.reject(reason);
  }

  /** Waits for a replica that failed. @throws JudgeDown when all of them have been down for too long. */
  async #pause(lane: JudgeLane, error: unknown, signal: AbortSignal): Promise<void> {
    const { name, log, patienceMs, pauseMs = 500, say } = this.#options;
    const isFirst = lane.failures++ === 0;
    if (isFirst) {
      lane.downSince = performance.now();
      lane.quiet = isDrain(error);
    }
    const growing = Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** Math.min(lane.failures - 1, 10));
    // It was told to end, and has been replaced, or will be: nothing to speak of, unless that takes long.
    if (lane.quiet && performance.now() - lane.downSince < RESTART_MS)
      return sleep(Math.min(growing, 2 * pauseMs) / 4, signal);
    const reason = error instanceof Error ? error.message : String(error);
    if ([...this.#lanes].some(({ failures }) => failures === 0)) {
      if (isFirst || lane.quiet) say(`${this.#nameOf(lane)} is down (${reason}); the others go on`);
      lane.quiet = false;
      return sleep(growing, signal);
    }
    lane.quiet = false;
    const down = performance.now() - Math.max(...[...this.#lanes].map(({ downSince }) => downSince));
    const kept = `${log.size} verdict${log.size === 1 ? ' is' : 's are'} kept`;
    if (down >= patienceMs)
      throw new JudgeDown(
        `judge "${name}" has been down for ${seconds(down)} (${reason}); ${kept}, and the same command continues`,
      );
    const pause = Math.min(growing, patienceMs - down);
    say(
      `judge "${name}" is down (${reason}): the stage pauses, ${kept}; trying again in ${seconds(pause)}, giving up in ${seconds(patienceMs - down)}`,
    );
    await sleep(pause, signal);
  }

  /** A lane for people. */
  #nameOf({ replica }: JudgeLane): string {
    const { name, remote } = this.#options;
    const judge = `judge "${name}"`;
    return replica === remote ? judge : `${judge} at ${replica.address ?? 'one of its addresses'}`;
  }

  /** Waits until something has changed. */
  #changed(): Promise<void> {
    return this.#options.signal.aborted
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

/** A comparison was lost, and the budget does not allow to ask for it again. */
const UNAFFORDABLE = new Error('the budget does not allow it');

function bytes(text: string): number {
  return Buffer.byteLength(text);
}
