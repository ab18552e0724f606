// The Bradley–Terry score: the strength, in logits, that best explains a judge's soft preferences under a standard normal
// prior (maximum a posteriori; formula and sources in the statistics room), with its standard error. Unlike wins it knows
// how sure each verdict was and against whom it was won, and it makes sense of plans that leave pairs out.
import { bradleyTerry, type Comparison } from '@overtone/statistics';
import type { Preferences } from './preferences.ts';
import type { TextScore } from './text-score.ts';

/**
 * Strength of every distinct text; a group's strengths sum to 0. Each pair of texts counts once however many solutions
 * have them: a duplicate is no further evidence. A text without readable verdicts has strength 0 and standard error 1.
 */
export function bradleyTerryScore(preferences: Preferences): TextScore[] {
  const comparisons: Comparison[] = [];
  for (let i = 0; i < preferences.size; i++) {
    for (let j = i + 1; j < preferences.size; j++) {
      const advantage = preferences.advantage(i, j);
      if (advantage !== undefined) comparisons.push({ i, j, preference: 0.5 + advantage });
    }
  }
  const { strengths, standardErrors } = bradleyTerry(preferences.size, comparisons);
  return Array.from(strengths, (score, text) => ({ score, standardError: standardErrors[text] ?? 0 }));
}
