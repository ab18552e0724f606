// The groups that a signal can score: where a budget was spent before a group had a verdict, the group is left out.
import { InputError } from '../input-error.ts';
import type { Saturation } from '../stages/saturate.ts';

/**
 * The groups with verdicts.
 *
 * @param judged the verdicts of the signal's judges; a group counts where one of them has a verdict on it.
 * @param parts what the signals that it is made of can score; a group counts where all of them can.
 * @throws InputError when none is left.
 */
export function withVerdicts(
  signal: string,
  saturation: Saturation,
  judged: readonly { readonly unjudged: ReadonlySet<string> }[],
  parts: readonly Saturation[],
): Saturation {
  const scored = parts.map(({ groups }) => new Set(groups.map(({ problem }) => problem.id)));
  const groups = saturation.groups.filter(
    ({ problem: { id } }) =>
      (judged.length === 0 || judged.some(({ unjudged }) => !unjudged.has(id))) &&
      scored.every((ids) => ids.has(id)),
  );
  if (groups.length === saturation.groups.length) return saturation;
  if (groups.length === 0)
    throw new InputError(
      `signal "${signal}" has no group with verdicts: the budget of its judge was spent before; raise it`,
    );
  return { ...saturation, groups };
}
