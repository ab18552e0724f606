// Mean log-probability: how probable the model finds its own solution, in nats per token, at temperature 1.
import { mean } from '@overtone/statistics';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import type { TextScore } from './text-score.ts';

/**
 * Mean log-probability of every distinct text; duplicates, which differ by rounding alone, are averaged.
 * @throws InvalidInput when one is no number of at most 0, or all are 0 (they were not recorded)
 */
export function meanLogprob(group: Group): TextScore[] {
  group.solutions.forEach(({ meanLogprob }, position) => {
    if (!(meanLogprob <= 0 && Number.isFinite(meanLogprob))) {
      throw new InvalidInput(
        `solutions[${position}].mean_logprob`,
        `is ${meanLogprob}; expected nats per token, a number of at most 0`,
      );
    }
  });
  if (group.solutions.every(({ meanLogprob }) => meanLogprob === 0)) {
    throw new InvalidInput(
      'solutions[0].mean_logprob',
      'is 0, as in every solution of the group; expected the log-probabilities that were recorded while sampling',
    );
  }
  return group.texts.map(({ members }) => ({
    score: mean(members.map((member) => member.meanLogprob)),
    standardError: 0,
  }));
}
