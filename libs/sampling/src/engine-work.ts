// What an engine thread has computed for a job, for those who watch: pieces of work are summed and told a few times a second, not one by
// one. Whatever computes need not know for which job it does.
import { AsyncLocalStorage } from 'node:async_hooks';

/** What is computed: prompts, one token of every sample in a batch, or the scores of given texts. */
export type EnginePhase = 'prefill' | 'decode' | 'score';

/** Runs of programs in one phase, since the last report. */
export interface EngineWork {
  readonly phase: EnginePhase;
  /** When the first began and the last ended, milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  /** Milliseconds that they took by themselves. */
  readonly busy: number;
  readonly runs: number;
  readonly tokens: number;
  /** Sequences that were computed, and places that the batches had for them. */
  readonly used: number;
  readonly places: number;
  /** Share of the thread's key-value memory in use; undefined where nothing was decoded. */
  readonly cacheUse: number | undefined;
}

/** Hears what engine threads have computed for a call. */
export type WorkListener = (work: EngineWork) => void;

/** One run of a program. */
export interface RunSize {
  readonly phase: EnginePhase;
  readonly tokens: number;
  readonly used: number;
  readonly places: number;
}

const REPORT_MS = 200;

const logs = new AsyncLocalStorage<WorkLog>();

/** The work on one job, to be reported. */
export class WorkLog {
  readonly #report: (work: readonly EngineWork[]) => void;
  readonly #cacheUse: () => number;
  readonly #sums = new Map<EnginePhase, { -readonly [Key in keyof EngineWork]: EngineWork[Key] }>();
  #reported = performance.now();

  constructor(report: (work: readonly EngineWork[]) => void, cacheUse: () => number) {
    this.#report = report;
    this.#cacheUse = cacheUse;
  }

  /** Runs a job, whose work is this log's. */
  run<Result>(job: () => Promise<Result>): Promise<Result> {
    return logs.run(this, job);
  }

  /** Reports what has not been reported yet. */
  flush(): void {
    this.#reported = performance.now();
    if (this.#sums.size === 0) return;
    this.#report([...this.#sums.values()]);
    this.#sums.clear();
  }

  /** Takes one run. */
  add({ phase, tokens, used, places }: RunSize, began: number, ended: number): void {
    const sum = this.#sums.get(phase) ?? {
      phase,
      start: performance.timeOrigin + began,
      end: 0,
      busy: 0,
      runs: 0,
      tokens: 0,
      used: 0,
      places: 0,
      cacheUse: undefined,
    };
    sum.end = performance.timeOrigin + ended;
    sum.busy += ended - began;
    sum.runs += 1;
    sum.tokens += tokens;
    sum.used += used;
    sum.places += places;
    if (phase === 'decode') sum.cacheUse = this.#cacheUse();
    this.#sums.set(phase, sum);
    if (ended - this.#reported >= REPORT_MS) this.flush();
  }
}

/** Computes something, and notes what it was in the log of the job that asked for it, where there is one. */
export async function noted<Result>(size: RunSize, compute: () => Promise<Result>): Promise<Result> {
  const log = logs.getStore();
  if (log === undefined) return compute();
  const began = performance.now();
  const result = await compute();
  log.add(size, began, performance.now());
  return result;
}

/** Reports the work on the job that runs, before its answer. */
export function reportWork(): void {
  logs.getStore()?.flush();
}
