// Reading a verdict from a judging model's log-probabilities: how much likelier is "the first is better" than "the second
// is better", as a probability. Soft, and never unparsable: no text has to be understood.
import { Outcome } from '@overtone/contracts';

/** A verdict in the order shown. */
export interface Verdict {
  /** Probability in [0, 1] that the first solution is better; 0.5 when unreadable. */
  preferenceFirst: number;
  /** The verdict. */
  outcome: Outcome;
}

/**
 * The verdict of two log-probabilities (nats): the softmax over both continuations.
 *
 * @param first log-probability of the continuation that says that the first is better.
 * @param second log-probability of the one that says that the second is better.
 * @returns unreadable when the two cannot be compared: either is not a number, or both are impossible.
 */
export function verdictOfLogprobs(first: number, second: number): Verdict {
  const margin = second - first;
  if (Number.isNaN(margin)) return { preferenceFirst: 0.5, outcome: Outcome.OUTCOME_UNREADABLE };
  return verdictOfPreference(1 / (1 + Math.exp(margin)));
}

/** The verdict of a probability that the first is better; exactly one half is a tie. */
export function verdictOfPreference(preferenceFirst: number): Verdict {
  const outcome =
    preferenceFirst > 0.5
      ? Outcome.OUTCOME_FIRST
      : preferenceFirst < 0.5
        ? Outcome.OUTCOME_SECOND
        : Outcome.OUTCOME_TIE;
  return { preferenceFirst, outcome };
}
