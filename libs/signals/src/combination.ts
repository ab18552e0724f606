// A combination: the weighted sum of other signals' scores, each standardised within the group, so that a weight means the
// same whatever a signal's unit.
import type { ComponentScores } from '@overtone/contracts';
import { mean, standardDeviation } from '@overtone/statistics';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import type { TextScore } from './text-score.ts';

/**
 * Σ weight · (score − mean) / standard deviation, over the group's distinct texts. A signal that scores all texts alike adds
 * nothing. Of identical texts the first one's score counts. Standard errors add up as those of independent scores do.
 * @throws InvalidInput when there is nothing to combine, a weight or score is no number, or a component does not score every
 * solution once
 */
export function combination(group: Group, components: readonly ComponentScores[]): TextScore[] {
  if (components.length === 0) {
    throw new InvalidInput('components', 'is empty; expected the scores of the signals to combine');
  }
  if (components.every(({ weight }) => weight === 0)) {
    throw new InvalidInput('components[0].weight', 'is 0, as every weight is; expected one that counts');
  }
  const sums = group.texts.map(() => ({ score: 0, variance: 0 }));
  components.forEach((component, position) => {
    const own = scoresOfTexts(group, component, `components[${position}]`);
    const values = own.map(({ score }) => score);
    const centre = mean(values);
    const deviation = values.length < 2 ? 0 : standardDeviation(values);
    // Below this, scores differ by rounding alone.
    if (deviation <= 1e-12 * Math.max(...values.map(Math.abs))) return;
    const factor = component.weight / deviation;
    sums.forEach((sum, text) => {
      const { score, standardError } = own[text] ?? { score: centre, standardError: 0 };
      sum.score += factor * (score - centre);
      sum.variance += (factor * standardError) ** 2;
    });
  });
  return sums.map(({ score, variance }) => ({ score, standardError: Math.sqrt(variance) }));
}

function scoresOfTexts(group: Group, { weight, scores }: ComponentScores, field: string): TextScore[] {
  if (!Number.isFinite(weight))
    throw new InvalidInput(`${field}.weight`, `is ${weight}; expected a finite number`);
  if (scores.length !== group.solutions.length) {
    throw new InvalidInput(
      `${field}.scores`,
      `has ${scores.length} scores for ${group.solutions.length} solutions; expected one each`,
    );
  }
  const found: (TextScore | undefined)[] = group.texts.map(() => undefined);
  const seen = new Set<number>();
  scores.forEach(({ index, score, standardError }, position) => {
    const where = `${field}.scores[${position}]`;
    const text = group.textOf.get(index);
    if (text === undefined || seen.has(index)) {
      throw new InvalidInput(
        `${where}.index`,
        `is ${index}, ${text === undefined ? 'which no solution has' : 'for the second time'}; expected the index of every solution once`,
      );
    }
    seen.add(index);
    if (!Number.isFinite(score))
      throw new InvalidInput(`${where}.score`, `is ${score}; expected a finite number`);
    if (!(standardError >= 0 && Number.isFinite(standardError))) {
      throw new InvalidInput(
        `${where}.standard_error`,
        `is ${standardError}; expected a number of at least 0`,
      );
    }
    found[text] ??= { score, standardError };
  });
  return found.map((score) => score ?? { score: 0, standardError: 0 });
}
