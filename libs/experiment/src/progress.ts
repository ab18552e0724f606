// Progress: what every stage has done, of how much, how fast, and how long it will still take.

/** A stage's progress at a moment. */
export interface StageProgress {
  /** The stage, for example "sample". */
  readonly stage: string;
  /** What is counted, for example "solutions". */
  readonly unit: string;
  /** Units done, those that were already there included. */
  readonly done: number;
  /** Units in all, as far as is known. */
  readonly total: number;
  /** Units that an earlier run, or another arm, had already done. */
  readonly reused: number;
  /** Whether the stage is at work now. */
  readonly active: boolean;
  /** Seconds at work in this sitting. */
  readonly seconds: number;
  /** Units a second; undefined before anything was done. */
  readonly rate: number | undefined;
  /** Seconds that the rest will take at this rate; undefined before anything was done. */
  readonly remaining: number | undefined;
  /** What is being done now, for example "dpo/self-judge seed 3". */
  readonly detail: string;
  /** How it goes, for example "loss 0.43". */
  readonly note: string;
}

/** A step of a training. */
export interface TrainedStep {
  /** The training, for example "dpo/self-judge seed 3". */
  readonly job: string;
  /** From 1. */
  readonly step: number;
  /** Steps in all; 0 while the trainer alone knows. */
  readonly steps: number;
  /** Metrics by name, for example "loss". */
  readonly values: Readonly<Record<string, number | null>>;
}

/** What an arm came to on a split. */
export interface MeasuredSplit {
  /** The arm's name; "base" for the model as it was. */
  readonly arm: string;
  /** Seed of the training; null for the base. */
  readonly seed: number | null;
  /** From 1. */
  readonly round: number;
  readonly split: 'development' | 'easy' | 'hard';
  /** Step of the weights; null for the base, and for those that were chosen. */
  readonly step: number | null;
  /** Their learning rate; null where the step is. */
  readonly learningRate: number | null;
  /** Mean share of a question's samples that are correct. */
  readonly accuracy: number;
  readonly questions: number;
}

/** What a listener hears. */
export type ProgressEvent =
  | { readonly kind: 'stage'; readonly progress: StageProgress }
  /** `alarm`: something has gone wrong, or may have. */
  | { readonly kind: 'message'; readonly text: string; readonly alarm?: true }
  | { readonly kind: 'step'; readonly step: TrainedStep }
  | { readonly kind: 'measured'; readonly measured: MeasuredSplit };

/** Hears of progress, often: a listener draws as rarely as it likes. */
export type ProgressListener = (event: ProgressEvent) => void;

/** Counts what every stage does. */
export class Progress {
  readonly #stages = new Map<string, Stage>();
  readonly #listen: ProgressListener;
  readonly #now: () => number;

  /** `now` is a clock in milliseconds. */
  constructor(listen: ProgressListener = () => {}, now: () => number = () => performance.now()) {
    this.#listen = listen;
    this.#now = now;
  }

  /** The stage of this name; the first call decides its unit. */
  stage(name: string, unit = ''): Stage {
    let stage = this.#stages.get(name);
    if (stage === undefined) {
      stage = new Stage(name, unit, this.#now, (progress) => this.#listen({ kind: 'stage', progress }));
      this.#stages.set(name, stage);
      this.#listen({ kind: 'stage', progress: stage.snapshot() });
    }
    return stage;
  }

  /** Tells the listener something that is no count. */
  say(text: string): void {
    this.#listen({ kind: 'message', text });
  }

  /** Tells the listener of something that has gone wrong, or may have. */
  alarm(text: string): void {
    this.#listen({ kind: 'message', text, alarm: true });
  }

  /** Tells the listener of a step of a training; the same one may come again. */
  trained(step: TrainedStep): void {
    this.#listen({ kind: 'step', step });
  }

  /** Tells the listener what an arm came to. */
  measured(measured: MeasuredSplit): void {
    this.#listen({ kind: 'measured', measured });
  }

  /** Seconds that each stage was at work in this sitting. */
  timings(): Record<string, number> {
    return Object.fromEntries([...this.#stages].map(([name, stage]) => [name, stage.snapshot().seconds]));
  }
}

/** One stage's counter and clock; the clock runs while any of its tasks does. */
export class Stage {
  readonly #name: string;
  readonly #unit: string;
  readonly #now: () => number;
  readonly #changed: (progress: StageProgress) => void;
  #done = 0;
  #total = 0;
  #reused = 0;
  #tasks = 0;
  #since = 0;
  #milliseconds = 0;
  #detail = '';
  #note = '';

  constructor(name: string, unit: string, now: () => number, changed: (progress: StageProgress) => void) {
    this.#name = name;
    this.#unit = unit;
    this.#now = now;
    this.#changed = changed;
  }

  /** Says that `units` more will be done. */
  expect(units: number): void {
    this.#total += units;
    this.#changed(this.snapshot());
  }

  /** Says how it goes; heard with the next change. */
  note(text: string): void {
    this.#note = text;
  }

  /** Says that `units` were done; `reused` when they were already there. */
  advance(units: number, reused = false): void {
    this.#done += units;
    if (reused) this.#reused += units;
    this.#changed(this.snapshot());
  }

  /** Runs a task with the stage's clock on. */
  async run<Result>(task: () => Promise<Result>, detail = ''): Promise<Result> {
    if (this.#tasks++ === 0) this.#since = this.#now();
    this.#detail = detail;
    this.#note = '';
    this.#changed(this.snapshot());
    try {
      return await task();
    } finally {
      if (--this.#tasks === 0) this.#milliseconds += this.#now() - this.#since;
      this.#changed(this.snapshot());
    }
  }

  /** The progress now. */
  snapshot(): StageProgress {
    const active = this.#tasks > 0;
    const seconds = (this.#milliseconds + (active ? this.#now() - this.#since : 0)) / 1000;
    const fresh = this.#done - this.#reused;
    const rate = fresh > 0 && seconds > 0 ? fresh / seconds : undefined;
    return {
      stage: this.#name,
      unit: this.#unit,
      done: this.#done,
      total: Math.max(this.#total, this.#done),
      reused: this.#reused,
      active,
      seconds,
      rate,
      remaining: rate === undefined ? undefined : Math.max(0, this.#total - this.#done) / rate,
      detail: this.#detail,
      note: this.#note,
    };
  }
}
