// Inverse entropy, the paper's token-level signal: score = 1 / H, with H the mean next-token entropy over the completion in
// nats. A model that hesitates less while it writes a solution is taken to do better work.
import { mean } from '@overtone/statistics';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import type { TextScore } from './text-score.ts';

/** Least entropy told apart, nats per token: below it lies the rounding of single precision. Scores stay finite. */
export const leastEntropy = 1e-6;

/**
 * 1 / mean entropy of every distinct text; duplicates, whose entropies differ by rounding alone, are averaged first.
 * @throws InvalidInput when an entropy is no number of at least 0, or all are 0 (they were not recorded)
 */
export function inverseEntropy(group: Group): TextScore[] {
  group.solutions.forEach(({ meanEntropy }, position) => {
    if (!(meanEntropy >= 0 && Number.isFinite(meanEntropy))) {
      throw new InvalidInput(
        `solutions[${position}].mean_entropy`,
        `is ${meanEntropy}; expected nats per token, a number of at least 0`,
      );
    }
  });
  if (group.solutions.every(({ meanEntropy }) => meanEntropy === 0)) {
    throw new InvalidInput(
      'solutions[0].mean_entropy',
      'is 0, as in every solution of the group; expected the entropies that were recorded while sampling',
    );
  }
  return group.texts.map(({ members }) => ({
    score: 1 / Math.max(leastEntropy, mean(members.map(({ meanEntropy }) => meanEntropy))),
    standardError: 0,
  }));
}
