// A run as its folder tells it while another process works in it: read again whenever asked, of what only grows the new part alone.
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  EVENTS_FILE,
  parseEvents,
  parseProgressFile,
  type ProgressFile,
  PROGRESS_FILE,
  type RunEvent,
} from '@overtone/experiment/following';
import type { RunRecord } from '@overtone/experiment/history';
import type { RunRecords } from './run-records.ts';

type EventOf<Kind extends RunEvent['kind']> = Extract<RunEvent, { kind: Kind }>;

/** A training and its curve. */
export interface FollowedTraining {
  readonly job: string;
  readonly steps: number;
  /** In the order of steps. */
  readonly points: readonly EventOf<'step'>[];
}

/** What is known of a run. */
export interface FollowedRun {
  readonly record: RunRecord;
  /** Where the run stands; undefined where it is of a version that did not tell. */
  readonly progress: ProgressFile | undefined;
  readonly messages: readonly EventOf<'message'>[];
  /** In the order in which they began. */
  readonly trainings: readonly FollowedTraining[];
  readonly measured: readonly EventOf<'measured'>[];
}

const MESSAGES = 500;
const CHUNK = 1 << 20;

/** Follows one run. */
export class RunFollower {
  readonly #folder: string;
  readonly #records: RunRecords;
  #offset = 0;
  /** Which file the offset is one in. */
  #identity = '';
  /** The part of a line that the rest of is still to come. */
  #torn = Buffer.alloc(0);
  #messages: EventOf<'message'>[] = [];
  readonly #trainings = new Map<
    string,
    { job: string; steps: number; points: Map<number, EventOf<'step'>> }
  >();
  readonly #measured = new Map<string, EventOf<'measured'>>();

  constructor(folder: string, records: RunRecords) {
    this.#folder = folder;
    this.#records = records;
  }

  /** What is known now. @throws InputError when the folder holds no run any more. */
  async read(): Promise<FollowedRun> {
    const record = await this.#records.read(this.#folder);
    await this.#readEvents();
    const text = await readFile(join(this.#folder, PROGRESS_FILE), 'utf8').catch(() => '');
    return {
      record,
      progress: parseProgressFile(text),
      messages: this.#messages,
      trainings: [...this.#trainings.values()].map(({ job, steps, points }) => ({
        job,
        steps,
        points: [...points.values()].sort((left, right) => left.step - right.step),
      })),
      measured: [...this.#measured.values()],
    };
  }

  async #readEvents(): Promise<void> {
    const file = await open(join(this.#folder, EVENTS_FILE), 'r').catch(() => undefined);
    if (file === undefined) return;
    try {
      const { size, ino, birthtimeMs } = await file.stat();
      const identity = `${ino} ${birthtimeMs}`;
      // Begun anew, by a run of another configuration.
      if (size < this.#offset || identity !== this.#identity) this.#forget();
      this.#identity = identity;
      while (this.#offset < size) {
        const buffer = Buffer.alloc(Math.min(CHUNK, size - this.#offset));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
        if (bytesRead === 0) break;
        this.#offset += bytesRead;
        const bytes = Buffer.concat([this.#torn, buffer.subarray(0, bytesRead)]);
        const end = bytes.lastIndexOf(0x0a) + 1;
        this.#torn = bytes.subarray(end);
        for (const event of parseEvents(bytes.toString('utf8', 0, end))) this.#hear(event);
      }
    } finally {
      await file.close();
    }
  }

  #hear(event: RunEvent): void {
    switch (event.kind) {
      case 'sitting':
        return;
      case 'message':
        this.#messages = [...this.#messages, event].slice(-MESSAGES);
        return;
      case 'step': {
        const { job, step, steps } = event;
        const training = this.#trainings.get(job) ?? {
          job,
          steps,
          points: new Map<number, EventOf<'step'>>(),
        };
        training.steps = Math.max(training.steps, steps);
        training.points.set(step, event);
        this.#trainings.set(job, training);
        return;
      }
      case 'measured': {
        const { arm, seed, round, split, step, learningRate } = event;
        this.#measured.set(JSON.stringify([arm, seed, round, split, step, learningRate]), event);
      }
    }
  }

  #forget(): void {
    this.#offset = 0;
    this.#torn = Buffer.alloc(0);
    this.#messages = [];
    this.#trainings.clear();
    this.#measured.clear();
  }
}
