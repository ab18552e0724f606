// Reconciling: one preference from the verdicts on a pair in both orders.
//
// Let f be the probability that i is better when i is shown first, b the same when j is shown first. The preference for i
// is (f + b) / 2. A judge that always favours the place shown first (f = 1, b = 0) ends at one half: no preference.
// The side of one half on which the preference lies is the same as by averaging log-odds, where a constant favour for a
// place cancels exactly: f + b > 1 ⇔ logit f + logit b > 0; and the mean does not let one extreme order outvote the other.
//
// Where one order is unreadable the other stands alone; where both are, there is no preference: nothing is made up.
import type { PairVerdict } from '@overtone/contracts';

/** What the two orders of a pair say together. */
export interface Reconciled {
  /** Probability that i is better; 0.5 is a tie; undefined when no order was readable. */
  preference: number | undefined;
  /** Orders that were readable: 0, 1 or 2. */
  readable: 0 | 1 | 2;
  /** Whether both orders lie on the same side of one half; undefined unless both were readable. */
  consistent: boolean | undefined;
  /** Preference for the place shown first minus one half, (f + (1 − b)) / 2 − 1/2; undefined unless both were readable. */
  positionBias: number | undefined;
}

/** Reconciles both orders of a verdict; its probabilities lie in [0, 1]. */
export function reconcile({ forward, backward }: PairVerdict): Reconciled {
  if (forward === undefined || backward === undefined) {
    const preference = forward ?? backward;
    return {
      preference,
      readable: preference === undefined ? 0 : 1,
      consistent: undefined,
      positionBias: undefined,
    };
  }
  return {
    preference: (forward + backward) / 2,
    readable: 2,
    consistent: Math.sign(forward - 0.5) === Math.sign(backward - 0.5),
    positionBias: (forward - backward) / 2,
  };
}

/** The verdict of a judge that prefers what this one does not. */
export function reverseVerdict({ i, j, forward, backward }: PairVerdict): PairVerdict {
  return {
    i,
    j,
    forward: forward === undefined ? undefined : 1 - forward,
    backward: backward === undefined ? undefined : 1 - backward,
  };
}
