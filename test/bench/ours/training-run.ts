// A LoRA training run whose every step has the same batch, taken a few steps at a time.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hardware } from '@overtone/tensor';
import { createObjective, runTraining, type TrainingEvent } from '@overtone/training';
import { LORA } from '../lora.ts';
import { type TrainRequest } from './requests.ts';
import { PLAIN_ADAMW } from '../plain-adamw.ts';

/** More than any benchmark takes. */
const STEPS = 500;

export class TrainingRun {
  private readonly events: AsyncGenerator<TrainingEvent>;
  private readonly folder: string;

  private constructor(events: AsyncGenerator<TrainingEvent>, folder: string) {
    this.events = events;
    this.folder = folder;
  }

  /** Starts a run; it takes no step yet. */
  static async start(
    model: string,
    threads: number,
    { groups }: Pick<TrainRequest, 'groups'>,
    hardware?: Hardware,
  ): Promise<TrainingRun> {
    const folder = await mkdtemp(join(tmpdir(), 'overtone-bench-'));
    const dataset = join(folder, 'groups.jsonl');
    await writeFile(dataset, groups.map((group) => `${JSON.stringify(group)}\n`).join(''));
    const events = runTraining(
      {
        model,
        dataset,
        objective: createObjective({ type: 'sft', selection: 'all' }),
        lora: { r: LORA.r, alpha: LORA.alpha, targetModules: [...LORA.targetModules] },
        optimizer: { ...PLAIN_ADAMW, learningRate: 1e-4 },
        batching: { groupsPerStep: groups.length, steps: STEPS },
        seed: 1,
        maxLength: Infinity,
        snapshotEverySteps: 0,
      },
      {
        folder: join(folder, 'run'),
        checkpoints: { seconds: Infinity },
        threads,
        ...(hardware ? { hardware } : {}),
      },
    );
    return new TrainingRun(events, folder);
  }

  /** Takes steps. */
  async take(steps: number): Promise<void> {
    for (let taken = 0; taken < steps;) {
      const event = await this.events.next();
      if (event.done === true) throw new Error('The training run is over');
      if (event.value.type === 'step') taken += 1;
    }
  }

  /** Ends the run and removes its folder. */
  async end(): Promise<void> {
    await this.events.return(undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}
