// Select: train an arm with one seed, and choose its learning rate and its step on the development split.
import type { ArtifactRef } from '@overtone/artifacts';
import type { Objective } from '../config/schema.ts';
import type { TrainedSnapshot } from './train.ts';

/** The weights of one training run that are measured. */
export interface Chosen {
  readonly learningRate: number;
  readonly step: number;
  readonly weights: ArtifactRef;
  /** avg on the development split; null where nothing was chosen there. */
  readonly development: number | null;
}

/** How to train and to measure; the caller limits how many do so at a time. */
export interface SelectOptions {
  readonly objective: Objective;
  /** What the first seed chose, where the scope is first-seed and this is not the first seed. */
  readonly settled: Pick<Chosen, 'learningRate' | 'step'> | undefined;
  readonly train: (learningRate: number) => Promise<readonly TrainedSnapshot[]>;
  /** avg of weights on the development split. */
  readonly develop: (weights: ArtifactRef, learningRate: number, step: number) => Promise<number>;
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
 * Without a selection, the last step. Otherwise the weights with the best avg on the development split; of equals the
 * lower learning rate and the earlier step, which are farther from doing harm.
 */
export async function selectWeights({ objective, settled, train, develop }: SelectOptions): Promise<Chosen> {
  if (objective.selection === undefined || settled !== undefined) {
    const learningRate = settled?.learningRate ?? objective.optimizer.learningRate;
    const step = settled?.step ?? objective.steps;
    const snapshot = (await train(learningRate)).find((candidate) => candidate.step === step);
    if (snapshot === undefined) throw new Error(`training left no snapshot at step ${step}`);
    return { learningRate, step, weights: snapshot.weights, development: null };
  }
  const rates = [...learningRates(objective)].sort((left, right) => left - right);
  const candidates = await Promise.all(
    rates.map(async (learningRate) => {
      const snapshots = await train(learningRate);
      return Promise.all(
        snapshots.map(async ({ step, weights }) => ({
          learningRate,
          step,
          weights,
          development: await develop(weights, learningRate, step),
        })),
      );
    }),
  );
  const best = candidates
    .flat()
    .reduce<(Chosen & { development: number }) | undefined>(
      (chosen, candidate) =>
        chosen === undefined || candidate.development > chosen.development ? candidate : chosen,
      undefined,
    );
  if (best === undefined) throw new Error('training left no snapshot');
  return best;
}
