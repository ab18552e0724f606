// Inverse top entropy: score = 1 / H, with H the mean entropy, in nats, of the tenth of the completion's tokens that have
// most. Most tokens of a solution follow from what was said before; where the model decides, a few tokens hesitate, and a
// mean over all tokens dilutes them.
import { mean } from '@overtone/statistics';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import { leastEntropy } from './inverse-entropy.ts';
import type { TextScore } from './text-score.ts';

/**
 * 1 / top entropy of every distinct text; duplicates, whose entropies differ by rounding alone, are averaged first.
 * @throws InvalidInput when a top entropy was not recorded, or is no number of at least 0
 */
export function inverseTopEntropy(group: Group): TextScore[] {
  const entropies = new Map(
    group.solutions.map(({ index, topEntropy }, position) => {
      const field = `solutions[${position}].top_entropy`;
      if (topEntropy === undefined) {
        throw new InvalidInput(
          field,
          'is missing; expected what was recorded while sampling, which solutions of an older run may lack: sample again',
        );
      }
      if (!(topEntropy >= 0 && Number.isFinite(topEntropy)))
        throw new InvalidInput(field, `is ${topEntropy}; expected nats per token, a number of at least 0`);
      return [index, topEntropy];
    }),
  );
  return group.texts.map(({ members }) => ({
    score: 1 / Math.max(leastEntropy, mean(members.map(({ index }) => entropies.get(index) ?? 0))),
    standardError: 0,
  }));
}
