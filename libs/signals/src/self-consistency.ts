// Self-consistency: how far a signal's verdicts agree with each other, and its scores with the length of what they score.
// Nobody else is asked; of a group, a few numbers are kept.
import type { PairVerdict } from '@overtone/contracts';
import {
  type BootstrapOptions,
  clusterBootstrapAll,
  type Interval,
  kendallTauB,
  spearmanBrown,
} from '@overtone/statistics';
import type { Group } from './group.ts';
import { countTriples } from './intransitivity.ts';
import { preferencesOf } from './preferences.ts';
import { reconcile } from './reconcile.ts';
import { splitHalfTau } from './split-half.ts';

/** See fidelity.ts for what each figure is. */
export interface SelfConsistencyFigures {
  readonly orderConsistency: Interval | undefined;
  readonly positionBias: Interval | undefined;
  readonly tieRate: Interval | undefined;
  readonly unreadable: Interval | undefined;
  readonly intransitivity: Interval | undefined;
  readonly lengthCorrelation: Interval | undefined;
  readonly splitHalf: Interval | undefined;
}

/** Sums of a group; each share is one sum over another. */
const column = {
  consistent: 0,
  bothReadable: 1,
  positionBias: 2,
  ties: 3,
  preferences: 4,
  unreadable: 5,
  verdicts: 6,
  cycles: 7,
  triples: 8,
  lengthTau: 9,
  lengthTaus: 10,
  halfTau: 11,
  halfTaus: 12,
} as const;
type Column = keyof typeof column;

/** Gathers groups and says how consistent their signal is. */
export class SelfConsistency {
  readonly #rows: Float64Array[] = [];

  /** Adds a group with the signal's scores of its distinct texts and, where it has a judge, checked verdicts. */
  add(group: Group, scores: readonly number[], verdicts: readonly PairVerdict[]): void {
    const row = new Float64Array(Object.keys(column).length);
    const add = (name: Column, value = 1): void => {
      row[column[name]] = (row[column[name]] as number) + value;
    };
    for (const verdict of verdicts) {
      // On identical texts both orders are the same request: they cannot agree about anything.
      if (group.textOf.get(verdict.i) === group.textOf.get(verdict.j)) continue;
      const { readable, consistent, positionBias, preference } = reconcile(verdict);
      add('verdicts', 2);
      add('unreadable', 2 - readable);
      if (preference !== undefined) {
        add('preferences');
        if (preference === 0.5) add('ties');
      }
      if (consistent === undefined || positionBias === undefined) continue;
      add('bothReadable');
      if (consistent) add('consistent');
      add('positionBias', positionBias);
    }
    if (verdicts.length > 0) {
      const { triples, cycles } = countTriples(preferencesOf(group, verdicts));
      add('triples', triples);
      add('cycles', cycles);
      const halves = splitHalfTau(group, verdicts);
      if (halves !== undefined) {
        add('halfTau', halves);
        add('halfTaus');
      }
    }
    const lengthTau = kendallTauB(
      scores,
      group.texts.map(({ members: [{ tokens }] }) => tokens),
    );
    if (lengthTau !== undefined) {
      add('lengthTau', lengthTau);
      add('lengthTaus');
    }
    this.#rows.push(row);
  }

  /** What the groups added so far say. */
  figures(bootstrap: BootstrapOptions): SelfConsistencyFigures {
    const share =
      (part: Column, whole: Column) =>
      (sum: Float64Array): number | undefined => {
        const total = sum[column[whole]] as number;
        return total > 0 ? (sum[column[part]] as number) / total : undefined;
      };
    const halves = share('halfTau', 'halfTaus');
    const [
      orderConsistency,
      positionBias,
      tieRate,
      unreadable,
      intransitivity,
      lengthCorrelation,
      splitHalf,
    ] = clusterBootstrapAll(
      this.#rows,
      [
        share('consistent', 'bothReadable'),
        share('positionBias', 'bothReadable'),
        share('ties', 'preferences'),
        share('unreadable', 'verdicts'),
        share('cycles', 'triples'),
        share('lengthTau', 'lengthTaus'),
        (sum) => {
          const tau = halves(sum);
          return tau === undefined ? undefined : spearmanBrown(tau);
        },
      ],
      bootstrap,
    );
    return {
      orderConsistency,
      positionBias,
      tieRate,
      unreadable,
      intransitivity,
      lengthCorrelation,
      splitHalf,
    };
  }
}
