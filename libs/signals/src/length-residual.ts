// Length-residualised scores: what a linear fit on the number of tokens explains of a group's scores is taken away. What is left
// tells solutions apart by something else than their length.
import { mean } from '@overtone/statistics';
import type { Group } from './group.ts';
import type { TextScore } from './text-score.ts';

/**
 * score − slope · (tokens − mean tokens), with the slope of ordinary least squares over the group's distinct texts (tokens of
 * duplicates averaged): the mean score stays, and what is left has no linear correlation with length. Scores of a group whose
 * texts are equally long stay as they are; those of two texts that are not become equal, since a line explains any two.
 * Standard errors stay: the slope's own is left out.
 */
export function residualiseLength({ texts }: Group, scores: readonly TextScore[]): TextScore[] {
  const tokens = texts.map(({ members }) => mean(members.map((member) => member.tokens)));
  const centre = mean(tokens);
  const level = mean(scores.map(({ score }) => score));
  let products = 0;
  let squares = 0;
  scores.forEach(({ score }, text) => {
    const deviation = (tokens[text] ?? centre) - centre;
    products += deviation * (score - level);
    squares += deviation * deviation;
  });
  if (squares === 0) return [...scores];
  const slope = products / squares;
  return scores.map(({ score, standardError }, text) => ({
    score: score - slope * ((tokens[text] ?? centre) - centre),
    standardError,
  }));
}
