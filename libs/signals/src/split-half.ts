// Split-half agreement: do a judge's verdicts say the same twice? The verdicts on a group fall into two halves; each half
// gives Bradley–Terry strengths, and Kendall's tau-b says how far they order the solutions alike.
// The two orders of a pair go to different halves, by a toss that the problem's id decides; so both halves know all pairs
// (halves of the pairs would disagree for want of comparisons, even where the judge is perfect), and a favour for a place
// counts as the inconsistency that it is.
import type { PairVerdict } from '@overtone/contracts';
import { kendallTauB, seededRandom } from '@overtone/statistics';
import { bradleyTerryScore } from './bradley-terry-score.ts';
import type { Group } from './group.ts';
import { preferencesOf } from './preferences.ts';
import { settled } from './settled.ts';

/** Tau-b between the strengths of the two halves; undefined when a half prefers nothing. */
export function splitHalfTau(group: Group, verdicts: readonly PairVerdict[]): number | undefined {
  const random = seededRandom('split-half', group.problemId);
  const halves: [PairVerdict[], PairVerdict[]] = [[], []];
  for (const { i, j, forward, backward } of verdicts) {
    const swap = random() < 0.5;
    if (forward !== undefined) halves[swap ? 1 : 0].push({ i, j, forward });
    if (backward !== undefined) halves[swap ? 0 : 1].push({ i, j, backward });
  }
  const [first, second] = halves.map((half) =>
    settled(bradleyTerryScore(preferencesOf(group, half)).map(({ score }) => score)),
  );
  return kendallTauB(first ?? [], second ?? []);
}
