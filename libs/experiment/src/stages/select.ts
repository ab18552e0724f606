// Select: train an arm with one seed, and choose its learning rate and its step on the development split.
import type { ArtifactRef } from '@overtone/artifacts';
import { mean } from '@overtone/statistics';
import type { Objective } from '../config/schema.ts';
import { Patience, rungs } from './early-stopping.ts';
import type { Training, TrainedSnapshot } from './train.ts';

/** The weights of one training run that are measured. */
export interface Chosen {
  readonly learningRate: number;
  readonly step: number;
  readonly weights: ArtifactRef;
  /** avg on the development split; null where nothing was chosen there. */
  readonly development: number | null;
  /** The alarm that ended the training, in words; undefined where none did. */
  readonly alarm?: string | undefined;
}

/** Where a training may end before its last step. */
export interface Until {
  /** Everything that determines where, besides the measurements. */
  readonly rule: Readonly<Record<string, number>>;
  /** Whether the training ends at this snapshot; asked in the order of steps. */
  readonly ends: (snapshot: TrainedSnapshot) => Promise<boolean>;
}

/** How to train and to measure; the caller limits how many do so at a time. */
export interface SelectOptions {
  readonly objective: Objective;
  /** What the first seed chose, where the scope is first-seed and this is not the first seed. */
  readonly settled: Pick<Chosen, 'learningRate' | 'step'> | undefined;
  /** Trains to the end, or until it may stop. */
  readonly train: (learningRate: number, until?: Until) => Promise<Training>;
  /** Accuracies of weights on the development questions, always in the same order. */
  readonly develop: (weights: ArtifactRef, learningRate: number, step: number) => Promise<readonly number[]>;
}

/** The learning rates that an objective tries. */
export function learningRates({ selection, optimizer }: Objective): readonly number[] {
  return selection?.learningRates ?? [optimizer.learningRate];
}

/** The steps at which an objective leaves snapshots. */
export function snapshotSteps({ selection, steps }: Objective): number[] {
  const every = selection?.snapshotEverySteps ?? 0;
  const regular =
    every === 0 ? [] : Array.from({ length: Math.floor(steps / every) }, (_, index) => (index + 1) * every);
  return regular.at(-1) === steps ? regular : [...regular, steps];
}

/**
 * Without a selection, the weights that a training ended with: those of the last step, unless an alarm ended it. Otherwise those with the
 * best avg on the development split, of the snapshots that were measured; of equals those of the lower learning rate and the earlier
 * step, which are farther from doing harm.
 */
export async function selectWeights({ objective, settled, train, develop }: SelectOptions): Promise<Chosen> {
  const { selection } = objective;
  if (selection === undefined || settled !== undefined) {
    const learningRate = settled?.learningRate ?? objective.optimizer.learningRate;
    const step = settled?.step ?? objective.steps;
    const { snapshots, alarm } = await train(learningRate);
    // Where an alarm ended it before that step, its last good weights come last.
    const wanted = snapshots.find((candidate) => candidate.step === step);
    const snapshot = wanted ?? (alarm === undefined ? undefined : snapshots.at(-1));
    if (snapshot === undefined) throw new Error(`training left no snapshot at step ${step}`);
    return { learningRate, ...snapshot, development: null, alarm };
  }
  const measured = new Measured(develop);
  const rates = [...learningRates(objective)].sort((left, right) => left - right);
  const { patience } = selection;
  const alarms = new Map<number, string | undefined>();
  const measure = async (learningRate: number, until?: Until): Promise<void> => {
    const { snapshots, alarm } = await train(learningRate, until);
    alarms.set(learningRate, alarm);
    await Promise.all(snapshots.map((snapshot) => measured.of(learningRate, snapshot)));
  };
  let left = rates;
  if (selection.halving === true) {
    const steps = snapshotSteps(objective);
    for (const rung of rungs(rates.length, steps.length)) {
      const last = steps[rung] ?? objective.steps;
      const ends = async ({ step }: TrainedSnapshot): Promise<boolean> => step >= last;
      await Promise.all(left.map((rate) => measure(rate, { rule: { until: last }, ends })));
      const kept = new Set(measured.ranked(left).slice(0, Math.ceil(left.length / 2)));
      left = left.filter((rate) => kept.has(rate));
    }
  }
  await Promise.all(
    left.map((rate) => {
      if (patience === undefined) return measure(rate);
      const impatience = new Patience(patience);
      const ends = async (snapshot: TrainedSnapshot): Promise<boolean> =>
        impatience.exhausted(await measured.of(rate, snapshot));
      return measure(rate, { rule: { patience }, ends });
    }),
  );
  const best = measured.best(rates);
  if (best === undefined) throw new Error('training left no snapshot');
  return { ...best, alarm: alarms.get(best.learningRate) };
}

type Measurement = Chosen & { readonly development: number };

/** Measurements on the development split, each made once. */
class Measured {
  readonly #develop: SelectOptions['develop'];
  readonly #accuracies = new Map<string, Promise<readonly number[]>>();
  readonly #measurements: Measurement[] = [];

  constructor(develop: SelectOptions['develop']) {
    this.#develop = develop;
  }

  /** Accuracies of the development questions. */
  of(learningRate: number, { step, weights }: TrainedSnapshot): Promise<readonly number[]> {
    const place = `${learningRate} ${step}`;
    let accuracies = this.#accuracies.get(place);
    if (accuracies === undefined) {
      accuracies = this.#develop(weights, learningRate, step).then((found) => {
        this.#measurements.push({ learningRate, step, weights, development: mean(found) });
        return found;
      });
      this.#accuracies.set(place, accuracies);
    }
    return accuracies;
  }

  /** The best of some learning rates. */
  best(rates: readonly number[]): Measurement | undefined {
    return this.#measurements
      .filter(({ learningRate }) => rates.includes(learningRate))
      .sort((left, right) => left.learningRate - right.learningRate || left.step - right.step)
      .reduce<Measurement | undefined>(
        (chosen, candidate) =>
          chosen === undefined || candidate.development > chosen.development ? candidate : chosen,
        undefined,
      );
  }

  /**
   * Learning rates, the one with the best measurement at its last snapshot first, of equals the lower one: one that was better before
   * stays a choice, but is not worth more steps.
   */
  ranked(rates: readonly number[]): number[] {
    const last = (rate: number): number =>
      this.#measurements
        .filter(({ learningRate }) => learningRate === rate)
        .reduce((left, right) => (right.step > left.step ? right : left), {
          step: -1,
          development: -Infinity,
        }).development;
    return [...rates].sort((left, right) => last(right) - last(left) || left - right);
  }
}
