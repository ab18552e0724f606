// A listener that writes a run's progress into its folder, for whoever follows it from another process. The files stay small however
// long a run takes and however often it is continued: of a training 100 steps are kept, and nothing is told twice.
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ProgressEvent, StageProgress, TrainedStep } from './progress.ts';
import {
  EVENTS_FILE,
  parseEvents,
  type ProgressFile,
  PROGRESS_FILE,
  type RunEvent,
} from './progress-files.ts';

const STEPS_PER_TRAINING = 100;
/** A sign of life, where nothing has changed. */
const TICKS_OF_SILENCE = 5;
const MOST_BYTES = 16 * 2 ** 20;

/** How a log is kept. */
export interface ProgressLogOptions {
  /** Names the configuration: what another one has left is removed. */
  readonly configuration: string;
  /** How often files are written, milliseconds. Default 1000. */
  readonly everyMs?: number;
  /** Aborted when another process has taken the folder over: nothing is written any more. */
  readonly lost?: AbortSignal;
  /** Most bytes of events.jsonl: what happens later is left out. Default 16 MiB. */
  readonly mostBytes?: number;
}

/** Writes what it hears into a run folder. A disk that fails ends the log, and not the run. */
export class ProgressLog {
  readonly #folder: string;
  readonly #options: ProgressLogOptions;
  readonly #since = new Date().toISOString();
  readonly #timer: NodeJS.Timeout;
  /** What the file tells already. */
  readonly #told = new Set<string>();
  readonly #stages = new Map<string, StageProgress>();
  #pending: RunEvent[] = [];
  #bytes = 0;
  #failed = false;
  #moved = false;
  #silent = 0;

  /** @param folder the run folder, which is there. */
  constructor(folder: string, options: ProgressLogOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#try(() => this.#continue());
    this.#pending.push({ kind: 'sitting', at: this.#since, configuration: options.configuration });
    this.#timer = setInterval(() => this.#flush(), options.everyMs ?? 1000).unref();
  }

  /** Hears of progress. */
  hear(event: ProgressEvent): void {
    const at = new Date().toISOString();
    switch (event.kind) {
      case 'stage':
        this.#stages.set(event.progress.stage, event.progress);
        this.#moved = true;
        return;
      case 'message':
        this.#tell({ ...event, at });
        return;
      case 'step':
        if (isKept(event.step))
          this.#tell({ kind: 'step', at, ...event.step, values: rounded(event.step.values) });
        return;
      case 'measured':
        this.#tell({ kind: 'measured', at, ...event.measured });
    }
  }

  /** Writes what is left. */
  close(): void {
    clearInterval(this.#timer);
    this.#moved = true;
    this.#flush();
  }

  #tell(event: RunEvent): void {
    const identity = identityOf(event);
    if (identity !== undefined && this.#told.has(identity)) return;
    if (identity !== undefined) this.#told.add(identity);
    this.#pending.push(event);
  }

  /** Goes on after what earlier sittings have told. */
  #continue(): void {
    const path = join(this.#folder, EVENTS_FILE);
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    const events = parseEvents(text);
    const sitting = events.findLast((event) => event.kind === 'sitting');
    if (sitting?.configuration !== this.#options.configuration) {
      rmSync(path);
      return;
    }
    for (const event of events) {
      const identity = identityOf(event);
      if (identity !== undefined) this.#told.add(identity);
    }
    // A process that was killed may have torn its last line.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
    this.#bytes = statSync(path).size;
  }

  #flush(): void {
    if (this.#failed || this.#options.lost?.aborted === true) return;
    this.#try(() => {
      const lines = this.#pending.map((event) => `${JSON.stringify(event)}\n`).join('');
      this.#pending = [];
      const bytes = Buffer.byteLength(lines);
      if (bytes > 0 && this.#bytes + bytes <= (this.#options.mostBytes ?? MOST_BYTES)) {
        appendFileSync(join(this.#folder, EVENTS_FILE), lines);
        this.#bytes += bytes;
      }
      if (!this.#moved && ++this.#silent < TICKS_OF_SILENCE) return;
      this.#moved = false;
      this.#silent = 0;
      const file: ProgressFile = {
        at: new Date().toISOString(),
        since: this.#since,
        stages: [...this.#stages.values()],
      };
      const path = join(this.#folder, PROGRESS_FILE);
      const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
      writeFileSync(temporary, `${JSON.stringify(file)}\n`);
      renameSync(temporary, path);
    });
  }

  #try(task: () => void): void {
    try {
      task();
    } catch {
      this.#failed = true;
    }
  }
}

/** To five digits: for curves, and not to compute with. */
function rounded(values: TrainedStep['values']): TrainedStep['values'] {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(5)),
    ]),
  );
}

/** Evenly, the first and the last among them. */
function isKept({ step, steps }: TrainedStep): boolean {
  if (steps <= STEPS_PER_TRAINING) return steps > 0 || step <= STEPS_PER_TRAINING || step % 10 === 0;
  const place = (at: number): number => Math.floor((at * (STEPS_PER_TRAINING - 1)) / steps);
  return step === 1 || place(step) > place(step - 1);
}

/** What must not be told twice; undefined for what may. */
function identityOf(event: RunEvent): string | undefined {
  switch (event.kind) {
    case 'step':
      return JSON.stringify([event.job, event.step]);
    case 'measured': {
      const { arm, seed, round, split, step, learningRate } = event;
      return JSON.stringify([arm, seed, round, split, step, learningRate]);
    }
    case 'message':
      // Told again by each sitting that finds the training.
      return event.alarm === true ? JSON.stringify([event.text]) : undefined;
    default:
      return undefined;
  }
}
