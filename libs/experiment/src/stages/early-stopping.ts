// Early stopping: which measurement of a training, in the order of its steps, was the last one needed, and which learning rates go on.
// Both are functions of the measurements alone: how far a trainer has run ahead meanwhile decides nothing.
import { mean, variance } from '@overtone/statistics';

/** Counts measurements in a row that are no better than the best one before them, beyond noise. */
export class Patience {
  readonly #patience: number;
  #best: readonly number[] | undefined;
  #without = 0;

  /** @param patience Measurements without improvement after which a training ends. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /**
   * Takes the next measurement. It is an improvement when the mean difference from the best, question by question, exceeds the standard
   * error of that mean; the best stays what it was otherwise, so that small improvements add up.
   *
   * @param accuracies of the development questions, always in the same order.
   * @returns whether the training ends here.
   */
  exhausted(accuracies: readonly number[]): boolean {
    if (this.#best === undefined || improves(accuracies, this.#best)) {
      this.#best = accuracies;
      this.#without = 0;
    } else this.#without++;
    return this.#without >= this.#patience;
  }
}

function improves(accuracies: readonly number[], best: readonly number[]): boolean {
  const differences = accuracies.map((accuracy, index) => accuracy - (best[index] ?? 0));
  const count = differences.length;
  // One question alone has no spread.
  const standardError = count < 2 ? 0 : Math.sqrt(variance(differences) / count);
  // One question that changes alone is a standard error exactly: rounding must not decide.
  return mean(differences) > (1 + 1e-9) * standardError;
}

/**
 * The snapshots, numbered from 0, after which half of the learning rates are dropped: the first, the second, the fourth, … until one rate is
 * left or the training ends.
 */
export function rungs(rates: number, snapshots: number): number[] {
  const found: number[] = [];
  for (let left = rates, at = 1; left > 1 && at < snapshots; left = Math.ceil(left / 2), at *= 2)
    found.push(at - 1);
  return found;
}
