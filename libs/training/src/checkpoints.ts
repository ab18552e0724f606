// A run's checkpoints: a folder of states, the last few of which are kept. A new one is whole on disk before an old one goes.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TrainingError } from './training-error.ts';
import { loadState, saveState, type TrainingState } from './training-state.ts';

/** When a run writes checkpoints, and how many it keeps. */
export interface CheckpointPolicy {
  /** Least seconds between checkpoints. Default 5. */
  readonly seconds?: number;
  /** Steps between checkpoints, whatever time has passed; 0 goes by time alone. Default 0. */
  readonly steps?: number;
  /** How many of the last checkpoints stay. Default 2: should the last be damaged, the one before it serves. */
  readonly keep?: number;
}

/** The checkpoints of one run. */
export class Checkpoints {
  readonly #folder: string;
  readonly #policy: Required<CheckpointPolicy>;
  #savedAt = performance.now();

  /** @param run The run's folder. */
  constructor(run: string, policy: CheckpointPolicy = {}) {
    this.#folder = join(run, 'checkpoints');
    this.#policy = { seconds: 5, steps: 0, keep: 2, ...policy };
  }

  /** The steps of all checkpoints, the latest first. */
  async steps(): Promise<number[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names
      .flatMap((name) => /^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  }

  /**
   * The latest state that can be read; undefined when there is no checkpoint.
   *
   * @param size Numbers in the trained vector.
   * @throws the reason why the latest cannot be read, when none can.
   */
  async latest(size: number): Promise<TrainingState | undefined> {
    const reasons: Error[] = [];
    for (const step of await this.steps()) {
      try {
        return await loadState(this.#path(step), size);
      } catch (error) {
        reasons.push(error instanceof Error ? error : new Error(String(error)));
      }
    }
    if (reasons[0]) throw reasons[0];
    return undefined;
  }

  /** Whether a checkpoint is due after a step. */
  due(step: number): boolean {
    const { seconds, steps } = this.#policy;
    return (steps > 0 && step % steps === 0) || performance.now() - this.#savedAt >= 1000 * seconds;
  }

  /**
   * Writes a checkpoint, then removes the oldest beyond those that are kept.
   *
   * @throws {TrainingError} when it cannot be written, for instance because the disk is full; those before it are untouched.
   */
  async save(state: TrainingState): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      await saveState(this.#path(state.step), state);
    } catch (cause) {
      const [last] = await this.steps();
      const kept = last === undefined ? 'there is no earlier one' : `the one of step ${last} is kept`;
      throw new TrainingError(
        `the checkpoint of step ${state.step} could not be written (${cause instanceof Error ? cause.message : String(cause)}); ${kept}; make room and start the job again`,
        { cause },
      );
    }
    const saved = await this.steps();
    // What a killed process left half-written goes too.
    const names = await readdir(this.#folder);
    const stale = names.filter((name) => name.endsWith('.partial'));
    const old = saved.slice(Math.max(1, this.#policy.keep)).map((step) => `step-${step}.safetensors`);
    await Promise.all([...old, ...stale].map((name) => rm(join(this.#folder, name), { force: true })));
    this.#savedAt = performance.now();
  }

  /** Removes the checkpoint of a step, if there is one. */
  async discard(step: number): Promise<void> {
    await rm(this.#path(step), { force: true });
  }

  #path(step: number): string {
    return join(this.#folder, `step-${step}.safetensors`);
  }
}
