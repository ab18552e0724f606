// Audit agreement: how far a signal agrees with a stronger judge, on the pairs of distinct texts that the latter was asked
// about. Of a group a few numbers are kept, and three for every audited pair, of which calibration needs each.
import type { PairVerdict } from '@overtone/contracts';
import {
  addPrediction,
  type BootstrapOptions,
  calibrationBins,
  clusterBootstrapAll,
  cohenKappaOfTable,
  expectedCalibrationError,
  type Interval,
  kendallTauB,
  partialCorrelation,
} from '@overtone/statistics';
import { bradleyTerryScore } from './bradley-terry-score.ts';
import { calibrate, type Calibration, type CalibrationGroup } from './calibration.ts';
import { flipRateFromAudit, noiseFromCycles, widenForGroups } from './flip-rate.ts';
import type { Group } from './group.ts';
import { countTriples } from './intransitivity.ts';
import type { Preferences } from './preferences.ts';
import { settled } from './settled.ts';

/** One audited group. */
export interface AuditedGroup {
  readonly group: Group;
  /** The signal's scores of the distinct texts. */
  readonly scores: readonly number[];
  /** The signal's own verdicts, in the direction of the signal; empty for a signal without a judge. */
  readonly verdicts: readonly PairVerdict[];
  /** The signal's answers: from its verdicts, or else from its scores. */
  readonly answers: Preferences;
  /** The stronger judge's. */
  readonly audit: Preferences;
}

/** See fidelity.ts for what each figure is; undefined where nothing defines it. */
export interface AuditFigures {
  /** Groups with an audited pair. */
  readonly groups: number;
  /** Audited pairs on which both have a preference. */
  readonly pairs: number;
  /** Audited pairs that the signal's scores order and on which the auditor has a preference. */
  readonly orderedPairs: number;
  readonly kappa: Interval | undefined;
  readonly tau: Interval | undefined;
  readonly partialTau: Interval | undefined;
  readonly accuracy: Interval | undefined;
  readonly confidentAccuracy: Interval | undefined;
  readonly calibrationError: Interval | undefined;
  /** Sums of the bins of the reliability diagram; see CalibrationBins. Empty for a signal without verdicts. */
  readonly bins: readonly number[];
  readonly calibration: Calibration | undefined;
  /** The auditor's errors by chance; undefined where it has no triple of strict preferences. */
  readonly noise: number | undefined;
  /** The signal's score order against the auditor's preferences: as they are, and corrected for the auditor's noise. */
  readonly disagreement: Interval | undefined;
  readonly flipRate: Interval | undefined;
  readonly bestFlipRate: Interval | undefined;
  readonly bestWorstFlipRate: Interval | undefined;
}

/** Sums of a group. */
const column = {
  kappa: 0,
  tau: 4,
  taus: 5,
  wrong: 6,
  ordered: 7,
  wrongExtremes: 8,
  extremes: 9,
  cycles: 10,
  triples: 11,
  partialTau: 12,
  partialSignalLength: 13,
  partialAuditLength: 14,
  partials: 15,
  confidentRight: 16,
  confident: 17,
  wrongBest: 18,
  orderedBest: 19,
  bins: 20,
} as const;
type Column = keyof typeof column;

const bins = 10;
const width = column.bins + 3 * bins;

/** Gathers audited groups and says how far their signal agrees with the auditor. */
export class AuditAgreement {
  readonly #rows: Float64Array[] = [];
  readonly #groups: CalibrationGroup[] = [];
  #probabilities = false;

  /** Adds a group; one without an audited pair of distinct texts is left out. */
  add({ group, scores, verdicts, answers, audit }: AuditedGroup): void {
    const row = new Float64Array(width);
    const add = (name: Column, value = 1): void => {
      row[column[name]] = (row[column[name]] as number) + value;
    };
    const audited = new Set<number>();
    const advantages: number[] = [];
    const top = Math.max(...scores);
    for (let i = 0; i < audit.size; i++) {
      for (let j = i + 1; j < audit.size; j++) {
        const expected = audit.advantage(i, j);
        if (expected === undefined) continue;
        audited.add(i).add(j);
        if (expected === 0) continue;
        const order = Math.sign((scores[i] ?? 0) - (scores[j] ?? 0));
        if (order !== 0) {
          add('ordered');
          const wrong = order !== Math.sign(expected);
          if (wrong) add('wrong');
          if (scores[i] === top || scores[j] === top) {
            add('orderedBest');
            if (wrong) add('wrongBest');
          }
        }
        const given = answers.advantage(i, j) ?? 0;
        if (given === 0) continue;
        const cell = column.kappa + (given > 0 ? 0 : 2) + (expected > 0 ? 0 : 1);
        row[cell] = (row[cell] as number) + 1;
        advantages.push(expected > 0 ? given : -given);
      }
    }
    if (audited.size === 0) return;
    const strengths = settled(bradleyTerryScore(audit).map(({ score }) => score));
    const taus = rankAgreement(group, [...audited], scores, strengths);
    if (taus.tau !== undefined) {
      add('tau', taus.tau);
      add('taus');
      if (taus.signalLength !== undefined && taus.auditLength !== undefined) {
        add('partialTau', taus.tau);
        add('partialSignalLength', taus.signalLength);
        add('partialAuditLength', taus.auditLength);
        add('partials');
      }
    }
    const extremes = wrongExtremes(scores, strengths, audited);
    if (extremes !== undefined) {
      add('extremes');
      add('wrongExtremes', extremes);
    }
    const { triples, cycles } = countTriples(audit);
    add('triples', triples);
    add('cycles', cycles);
    if (verdicts.length > 0) {
      this.#probabilities = true;
      const inBins = calibrationBins(bins);
      for (const advantage of advantages) addPrediction(inBins, 0.5 + Math.abs(advantage), advantage > 0);
      row.set(inBins.sums, column.bins);
    }
    this.#rows.push(row);
    this.#groups.push({
      advantages: Float64Array.from(advantages),
      shown: shownProbabilities(group, verdicts, audit),
    });
  }

  /** What the groups added so far say. */
  figures(bootstrap: BootstrapOptions): AuditFigures {
    this.#markConfident();
    const at = (sum: Float64Array, name: Column): number => sum[column[name]] as number;
    const share = (sum: Float64Array, part: Column, whole: Column): number | undefined =>
      at(sum, whole) > 0 ? at(sum, part) / at(sum, whole) : undefined;
    const noise = (sum: Float64Array): number | undefined => {
      const cycles = share(sum, 'cycles', 'triples');
      return cycles === undefined ? undefined : noiseFromCycles(cycles);
    };
    const flipRateOf = (sum: Float64Array, wrong: number | undefined): number | undefined =>
      wrong === undefined ? undefined : flipRateFromAudit(wrong, noise(sum) ?? 0);
    const table = (sum: Float64Array): Float64Array => sum.subarray(column.kappa, column.kappa + 4);
    const [
      kappa,
      tau,
      partialTau,
      accuracy,
      confidentAccuracy,
      error,
      disagreement,
      flips,
      bestFlips,
      extremes,
      noises,
    ] = clusterBootstrapAll(
      this.#rows,
      [
        (sum) => cohenKappaOfTable(table(sum), 2),
        (sum) => share(sum, 'tau', 'taus'),
        (sum) => {
          const [xy, xz, yz] = (['partialTau', 'partialSignalLength', 'partialAuditLength'] as const).map(
            (name) => share(sum, name, 'partials'),
          );
          return xy === undefined || xz === undefined || yz === undefined
            ? undefined
            : partialCorrelation(xy, xz, yz);
        },
        (sum) => {
          const [bothFirst = 0, firstSecond = 0, secondFirst = 0, bothSecond = 0] = table(sum);
          const pairs = bothFirst + firstSecond + secondFirst + bothSecond;
          return pairs > 0 ? (bothFirst + bothSecond) / pairs : undefined;
        },
        (sum) => share(sum, 'confidentRight', 'confident'),
        (sum) => expectedCalibrationError(sum.subarray(column.bins)),
        (sum) => share(sum, 'wrong', 'ordered'),
        (sum) => flipRateOf(sum, share(sum, 'wrong', 'ordered')),
        (sum) => flipRateOf(sum, share(sum, 'wrongBest', 'orderedBest')),
        (sum) => share(sum, 'wrongExtremes', 'extremes'),
        noise,
      ],
      bootstrap,
    );
    const total = new Float64Array(width);
    const counted = { ordered: 0, best: 0, extremes: 0 };
    for (const row of this.#rows) {
      row.forEach((value, index) => (total[index] = (total[index] as number) + value));
      if (at(row, 'ordered') > 0) counted.ordered++;
      if (at(row, 'orderedBest') > 0) counted.best++;
      if (at(row, 'extremes') > 0) counted.extremes++;
    }
    return {
      groups: this.#rows.length,
      pairs: this.#groups.reduce((sum, { advantages }) => sum + advantages.length, 0),
      orderedPairs: at(total, 'ordered'),
      kappa,
      tau,
      partialTau,
      accuracy,
      confidentAccuracy,
      calibrationError: error === undefined ? undefined : reflected(error),
      bins: this.#probabilities ? [...total.subarray(column.bins)] : [],
      calibration: this.#probabilities ? calibrate(this.#groups) : undefined,
      noise: noises?.value,
      disagreement: disagreement === undefined ? undefined : widenForGroups(disagreement, counted.ordered),
      flipRate: flips === undefined ? undefined : widenForGroups(flips, counted.ordered),
      bestFlipRate: bestFlips === undefined ? undefined : widenForGroups(bestFlips, counted.best),
      bestWorstFlipRate: extremes === undefined ? undefined : widenForGroups(extremes, counted.extremes),
    };
  }

  /**
   * Notes in every row which of its pairs belong to the half on which the signal is most confident. Of pairs that are as
   * confident as the last one of the half, each counts for the share of them that still fits in.
   */
  #markConfident(): void {
    const all: number[] = [];
    // In single precision: confidences that differ only in how they were rounded are equal.
    for (const { advantages } of this.#groups)
      for (const advantage of advantages) all.push(Math.fround(Math.abs(advantage)));
    if (all.length === 0) return;
    const sorted = Float32Array.from(all).sort().reverse();
    const least = sorted[Math.ceil(sorted.length / 2) - 1] as number;
    const above = sorted.indexOf(least);
    const part = (sorted.length / 2 - above) / (sorted.lastIndexOf(least) + 1 - above);
    this.#groups.forEach(({ advantages }, index) => {
      let [right, count] = [0, 0];
      for (const advantage of advantages) {
        const confidence = Math.fround(Math.abs(advantage));
        const weight = confidence > least ? 1 : confidence === least ? part : 0;
        count += weight;
        if (advantage > 0) right += weight;
      }
      this.#rows[index]?.set([right, count], column.confidentRight);
    });
  }
}

/** Tau-b between scores, strengths of the audit, and number of tokens, over the audited texts. */
function rankAgreement(
  { texts }: Group,
  audited: readonly number[],
  scores: readonly number[],
  strengths: readonly number[],
) {
  const of = (values: readonly number[]): number[] => audited.map((text) => values[text] ?? 0);
  const tokens = of(texts.map(({ members: [solution] }) => solution.tokens));
  return {
    tau: kendallTauB(of(scores), of(strengths)),
    signalLength: kendallTauB(of(scores), tokens),
    auditLength: kendallTauB(of(strengths), tokens),
  };
}

/**
 * Whether the audit puts the signal's worst text above its best: 0 or 1, or in between where several texts share the best
 * or the worst score. By the strengths that all of the audit's verdicts give: the two need not have met, and its chance
 * errors average out, so that no correction for them is made. Undefined where the audit does not tell them apart.
 */
function wrongExtremes(
  scores: readonly number[],
  strengths: readonly number[],
  audited: ReadonlySet<number>,
): number | undefined {
  const [best, worst] = [Math.max(...scores), Math.min(...scores)];
  if (best === worst) return undefined;
  let [wrong, told] = [0, 0];
  scores.forEach((top, first) => {
    if (top !== best || !audited.has(first)) return;
    scores.forEach((bottom, last) => {
      if (bottom !== worst || !audited.has(last)) return;
      const difference = (strengths[first] ?? 0) - (strengths[last] ?? 0);
      if (difference === 0) return;
      told++;
      if (difference < 0) wrong++;
    });
  });
  return told > 0 ? wrong / told : undefined;
}

/** See CalibrationGroup.shown. */
function shownProbabilities(
  group: Group,
  verdicts: readonly PairVerdict[],
  audit: Preferences,
): Float64Array {
  const shown: number[] = [];
  for (const { i, j, forward = Number.NaN, backward = Number.NaN } of verdicts) {
    const [a, b] = [group.textOf.get(i), group.textOf.get(j)];
    if (a === undefined || b === undefined || a === b) continue;
    const expected = audit.advantage(a, b) ?? 0;
    if (expected !== 0) shown.push(...(expected > 0 ? [forward, 1 - backward] : [1 - backward, forward]));
  }
  return Float64Array.from(shown);
}

/**
 * The basic bootstrap interval, the percentile interval mirrored at the value: noise within the bins makes a calibration
 * error too large, and a resample's by as much again, which the mirror takes off.
 */
function reflected({ value, lower, upper }: Interval): Interval {
  return { value, lower: Math.max(0, 2 * value - upper), upper: Math.max(value, 2 * value - lower) };
}
