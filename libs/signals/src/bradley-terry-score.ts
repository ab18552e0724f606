// The Bradley–Terry score: the strength, in logits, that best explains a judge's soft preferences under a standard normal
// prior (maximum a posteriori; formula and sources in the statistics room), with its standard error. Unlike wins it knows
// how sure each verdict was and against whom it was won, and it makes sense of plans that leave pairs out.
//
// Where a plan has left pairs out, the prior would decide: it draws every text to zero, most those that were compared least and
// those that are far from zero, and so bends the order. Scores are then what asking all pairs would be expected to give: a
// fit under a wide prior, which orders by the verdicts alone, says what the missing verdicts between compared texts would
// have been, and the strengths are fitted to all of them. So scores have the same scale whatever the plan. Standard errors
// are those of the verdicts that there are.
import { bradleyTerry, type Comparison } from '@overtone/statistics';
import type { Preferences } from './preferences.ts';
import type { TextScore } from './text-score.ts';

/** How to score. */
export interface BradleyTerryScoreOptions {
  /** Whether a plan has left pairs out; pairs that were asked and answered unreadably were not. Default false. */
  partial?: boolean;
}

/** Deviation of the wide prior, logits: no odds between two texts are special to it. */
const wideDeviation = 16;

/**
 * Strength of every distinct text; a group's strengths sum to 0. Each pair of texts counts once however many solutions
 * have them: a duplicate is no further evidence. A text without readable verdicts has strength 0 and standard error 1.
 */
export function bradleyTerryScore(
  preferences: Preferences,
  { partial = false }: BradleyTerryScoreOptions = {},
): TextScore[] {
  const { size } = preferences;
  const comparisons = comparisonsOf(preferences);
  const { strengths, standardErrors } = bradleyTerry(size, comparisons);
  const scores = partial ? bradleyTerry(size, completed(size, comparisons)).strengths : strengths;
  return Array.from(scores, (score, text) => ({ score, standardError: standardErrors[text] ?? 0 }));
}

/** The preferences as comparisons of texts, one a pair that has one. */
export function comparisonsOf(preferences: Preferences): Comparison[] {
  const comparisons: Comparison[] = [];
  for (let i = 0; i < preferences.size; i++) {
    for (let j = i + 1; j < preferences.size; j++) {
      const advantage = preferences.advantage(i, j);
      if (advantage !== undefined) comparisons.push({ i, j, preference: 0.5 + advantage });
    }
  }
  return comparisons;
}

/** The comparisons with those that are missing between compared texts, as a fit under the wide prior expects them. */
function completed(size: number, comparisons: readonly Comparison[]): Comparison[] {
  const { strengths } = bradleyTerry(size, comparisons, { priorDeviation: wideDeviation });
  const known = new Uint8Array(size * size);
  const compared = new Uint8Array(size);
  for (const { i, j } of comparisons) {
    known[i * size + j] = 1;
    compared[i] = 1;
    compared[j] = 1;
  }
  const all = [...comparisons];
  for (let i = 0; i < size; i++) {
    for (let j = i + 1; j < size; j++) {
      if (known[i * size + j] === 1 || compared[i] !== 1 || compared[j] !== 1) continue;
      const difference = (strengths[i] ?? 0) - (strengths[j] ?? 0);
      all.push({ i, j, preference: 1 / (1 + Math.exp(-difference)) });
    }
  }
  return all;
}
