// What a judge's verdicts look like, counted as they come.
import type { PairVerdict } from '@overtone/contracts';

/** Figures of a judge's verdicts. */
export interface VerdictStatistics {
  /** Questions. */
  readonly questions: number;
  /** Questions whose solutions differ and that have no verdict: the budget was spent. */
  readonly unjudged: number;
  /** Pairs with verdicts. */
  readonly pairs: number;
  /** Verdicts, each order one. */
  readonly verdicts: number;
  /** Share of verdicts that could not be read; null without verdicts. */
  readonly unreadable: number | null;
  /** Share of the pairs readable in both orders whose two orders agree; null without such pairs. */
  readonly orderConsistency: number | null;
  /** Mean preference for the solution shown first over the same pairs, minus one half. */
  readonly positionBias: number | null;
  /** Share of pairs with a readable verdict on which the judge prefers neither, both orders together. */
  readonly tieRate: number | null;
}

/** Counts verdicts; holds none of them. */
export class VerdictCounter {
  #questions = 0;
  #unjudged = 0;
  #pairs = 0;
  #readable = 0;
  #both = 0;
  #consistent = 0;
  #firstShown = 0;
  #anyReadable = 0;
  #ties = 0;

  /** Counts the verdicts of a question. @param differ whether any of its solutions differ. */
  add(verdicts: readonly PairVerdict[], differ: boolean): void {
    this.#questions++;
    if (differ && verdicts.length === 0) this.#unjudged++;
    for (const { forward, backward } of verdicts) {
      this.#pairs++;
      const known = [forward, backward].filter((preference) => preference !== undefined);
      this.#readable += known.length;
      if (known.length === 0) continue;
      this.#anyReadable++;
      if (known.reduce((sum, preference) => sum + preference, 0) / known.length === 0.5) this.#ties++;
      if (forward === undefined || backward === undefined) continue;
      this.#both++;
      if (Math.sign(forward - 0.5) === Math.sign(backward - 0.5)) this.#consistent++;
      this.#firstShown += (forward + (1 - backward)) / 2;
    }
  }

  /** The figures so far. */
  statistics(): VerdictStatistics {
    const share = (count: number, of: number): number | null => (of === 0 ? null : count / of);
    const verdicts = 2 * this.#pairs;
    return {
      questions: this.#questions,
      unjudged: this.#unjudged,
      pairs: this.#pairs,
      verdicts,
      unreadable: share(verdicts - this.#readable, verdicts),
      orderConsistency: share(this.#consistent, this.#both),
      positionBias: this.#both === 0 ? null : this.#firstShown / this.#both - 0.5,
      tieRate: share(this.#ties, this.#anyReadable),
    };
  }
}
