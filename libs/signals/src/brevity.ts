// The brevity control: fewer tokens are better. Many signals turn out to measure length; this one admits it.
import { mean } from '@overtone/statistics';
import type { Group } from './group.ts';
import type { TextScore } from './text-score.ts';

/** Minus the number of tokens of every distinct text (averaged over duplicates, which may be tokenised differently). */
export function brevity({ texts }: Group): TextScore[] {
  return texts.map(({ members }) => ({
    score: -mean(members.map(({ tokens }) => tokens)),
    standardError: 0,
  }));
}
