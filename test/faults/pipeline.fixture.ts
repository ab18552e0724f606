// A run of the pipeline under way, seen from outside: what it says of its progress, and how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProgressEvent, StageProgress } from '@overtone/experiment';

const PROGRAM = fileURLToPath(new URL('pipeline-process.fixture.ts', import.meta.url));

/** A moment of a run: a stage has come so far, and so much time has passed since. */
export interface Moment {
  readonly stage: string;
  /** Of the stage's units, from 0 to 1. */
  readonly share: number;
  readonly delayMs: number;
}

/** A run. */
export class Pipeline {
  readonly process: ChildProcess;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** All messages. */
  readonly said: string[] = [];
  /** What it wrote to standard error. */
  complaints = '';
  readonly #stages = new Map<string, StageProgress>();
  readonly #waiting = new Set<() => void>();
  #over = false;

  /** Starts it. @param environment Beside the address of everything, which is in the file. */
  constructor(file: string, out: string, environment: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, [PROGRAM, file, out], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        OVERTONE_INSECURE: '1',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stderr?.on('data', (text: Buffer) => (this.complaints += text.toString()));
    if (this.process.stdout !== null)
      createInterface({ input: this.process.stdout }).on('line', (line) =>
        this.#hear(JSON.parse(line) as ProgressEvent),
      );
    this.ended = once(this.process, 'close').then(([code]: (number | null)[]) => {
      this.#over = true;
      for (const check of this.#waiting) check();
      return code ?? null;
    });
  }

  /** The stages that are at work. */
  get active(): string[] {
    return [...this.#stages.values()].filter(({ active }) => active).map(({ stage }) => stage);
  }

  /** Waits for a moment. @returns whether it came before the run ended. */
  async reaches({ stage, share, delayMs }: Moment): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const check = (): void => {
        const progress = this.#stages.get(stage);
        const begun = progress !== undefined && (progress.active || progress.done > 0);
        const reached = begun && progress.total > 0 && progress.done >= share * progress.total;
        if (!this.#over && !reached) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
    if (!this.#over) await Promise.race([new Promise((resolve) => setTimeout(resolve, delayMs)), this.ended]);
    return !this.#over;
  }

  #hear(event: ProgressEvent): void {
    if (event.kind === 'message') this.said.push(event.text);
    if (event.kind !== 'stage') return;
    this.#stages.set(event.progress.stage, event.progress);
    for (const check of this.#waiting) check();
  }
}
