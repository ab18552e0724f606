// How an arm stands against the base, as a colour and a word.
import type { ReportedArm, ReportedDifference } from '../schema.ts';

/** "better", "worse" or "same". */
export type ArmKind = 'better' | 'worse' | 'same';

/** Where the interval of a difference lies: above zero, below it, or around it. */
export function kindOfDifference(difference: Pick<ReportedDifference, 'ci95'> | undefined): ArmKind {
  if (difference === undefined) return 'same';
  return difference.ci95[0] > 0 ? 'better' : difference.ci95[1] < 0 ? 'worse' : 'same';
}

/** How an arm stands against the base. */
export function kindOf(arm: ReportedArm, split: 'easy' | 'hard'): ArmKind {
  return kindOfDifference(arm.against['base']?.[split]);
}

/** The colours of kinds. */
export const KIND_SCALE = {
  domain: ['better', 'same', 'worse'],
  range: ['var(--better)', 'var(--same)', 'var(--worse)'],
};
