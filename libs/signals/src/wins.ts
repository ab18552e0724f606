// Wins, the paper's pairwise score: over all other solutions of the group, 1 for each that this one is preferred to,
// 0 for each that is preferred to it, and one half for a tie, for an identical text, and for a pair without a readable
// verdict. In [0, n − 1] for n solutions; the scores of a group sum to n(n − 1)/2.
import type { Group } from './group.ts';
import type { Preferences } from './preferences.ts';
import type { TextScore } from './text-score.ts';

/** Wins of every distinct text, counted over all solutions. */
export function wins({ texts }: Group, preferences: Preferences): TextScore[] {
  return texts.map(({ members }, text) => {
    let score = (members.length - 1) / 2;
    texts.forEach((other, opponent) => {
      if (opponent === text) return;
      score += other.members.length * ((Math.sign(preferences.advantage(text, opponent) ?? 0) + 1) / 2);
    });
    return { score, standardError: 0 };
  });
}
