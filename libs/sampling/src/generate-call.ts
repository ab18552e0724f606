// One call of a pool's `generate`: its prompts, the turns that workers take at it, and the samples that wait for the reader.
import { type EngineThread, type JobMessage, type ThreadJob } from './engine-thread.ts';
import { type WorkListener } from './engine-work.ts';
import { Inbox } from './inbox.ts';
import { type PromptQueue } from './prompt-queue.ts';
import { type SamplingOptions } from './sampler.ts';
import { type FinishedSample, type ToWorker } from './sampling-messages.ts';

/** Work that waits for a worker's time. */
export interface Task {
  /** Whether this thread has time for it now. */
  fits(thread: EngineThread): boolean;
  /** Starts on a thread; returns whether more threads would find work. */
  start(thread: EngineThread): boolean;
  /** No thread will ever work on it. */
  fail(error: Error): void;
}

/** Samples that a worker may send before the reader takes some. */
const CREDITS = 64;
/** Prompts that a worker takes in one turn while other calls wait. */
const PROMPTS_PER_TURN = 16;

/** A call in progress. */
export class GenerateCall implements Task {
  private readonly queue: PromptQueue;
  private readonly options: SamplingOptions;
  private readonly longest: number;
  private readonly adapter: string | undefined;
  private readonly othersWait: () => boolean;
  private readonly requeue: () => void;
  readonly onWork: WorkListener | undefined;
  private readonly turns = new Set<Turn>();
  private readonly finished = new Inbox<{ turn: Turn; sample: FinishedSample } | 'end'>();
  private cancelled = false;

  /**
   * @param longest Tokens of the longest prompt.
   * @param othersWait Whether other calls wait for a worker.
   * @param requeue Asks for a worker's time again.
   * @param onWork Hears what is computed.
   */
  constructor(
    queue: PromptQueue,
    options: SamplingOptions,
    longest: number,
    adapter: string | undefined,
    othersWait: () => boolean,
    requeue: () => void,
    onWork: WorkListener | undefined,
  ) {
    this.queue = queue;
    this.options = options;
    this.longest = longest;
    this.adapter = adapter;
    this.othersWait = othersWait;
    this.requeue = requeue;
    this.onWork = onWork;
  }

  fits(thread: EngineThread): boolean {
    // While its reader is behind, another turn would only fill memory.
    if (this.queue.empty || thread.busy('sampling')) return false;
    return ![...this.turns].some((turn) => turn.thread === thread || !turn.busy);
  }

  start(thread: EngineThread): boolean {
    const { options, longest, adapter } = this;
    this.turns.add(
      new Turn(thread, this, (job) => ({ type: 'sample', job, adapter, options, longest, credits: CREDITS })),
    );
    return !this.queue.empty;
  }

  fail(error: Error): void {
    this.finished.fail(error);
  }

  /** The samples, until all are finished. */
  async *samples(signal?: AbortSignal): AsyncGenerator<FinishedSample> {
    for (;;) {
      const next = await this.finished.take(signal);
      if (next === 'end') return;
      next.turn.taken();
      yield next.sample;
    }
  }

  /** Stops all turns at their next step. */
  cancel(): void {
    this.cancelled = true;
    for (const turn of this.turns) turn.cancel();
  }

  /** Prompts for a turn that has taken `taken` of them already. */
  next(taken: number): ReturnType<PromptQueue['take']> {
    if (this.cancelled || (taken >= PROMPTS_PER_TURN && this.othersWait())) return [];
    return this.queue.take();
  }

  deliver(turn: Turn, sample: FinishedSample): void {
    this.finished.put({ turn, sample });
  }

  ended(turn: Turn, error: Error | undefined): void {
    this.turns.delete(turn);
    if (error) this.finished.fail(error);
    else if (!this.queue.empty) this.requeue();
    else if (this.turns.size === 0) this.finished.put('end');
  }
}

/** A worker's work on a call, from its first piece of prompts until the samples of its last are finished. */
class Turn implements ThreadJob {
  readonly lane = 'sampling';
  readonly thread: EngineThread;
  readonly onWork: WorkListener | undefined;
  private readonly call: GenerateCall;
  private readonly job: number;
  private credits = CREDITS;
  private owed = 0;
  private prompts = 0;

  constructor(thread: EngineThread, call: GenerateCall, message: (job: number) => ToWorker) {
    this.thread = thread;
    this.call = call;
    this.onWork = call.onWork;
    this.job = thread.run(this, message);
  }

  get busy(): boolean {
    return this.credits > 0;
  }

  /** The reader took one of its samples. */
  taken(): void {
    this.owed += 1;
    if (this.owed < CREDITS / 4) return;
    this.credits += this.owed;
    this.thread.post({ type: 'credit', job: this.job, count: this.owed });
    this.owed = 0;
  }

  cancel(): void {
    this.thread.post({ type: 'cancel', job: this.job });
  }

  receive(message: JobMessage): void {
    if (message.type === 'hungry') {
      const prompts = this.call.next(this.prompts);
      this.prompts += prompts.length;
      this.thread.post({ type: 'prompts', job: this.job, prompts });
    } else if (message.type === 'sample') {
      this.credits -= 1;
      this.call.deliver(this, message.sample);
    }
  }

  end(error?: Error): void {
    this.call.ended(this, error);
  }
}
