// Fidelity: how far a signal can be trusted, before anything is trained on it. Groups stream by; of each, a few numbers
// are kept, whatever the length of its solutions.
//
//   kappa               Cohen's kappa between the signal's and the stronger judge's answers to "which of the two is
//                       better?", over the audited pairs of distinct texts on which both have one (no tie, no missing
//                       verdict), with the first text of a pair in the order of the group as one label and the second as
//                       the other. The signal's answer is its own judge's, reversed if the signal is; for a signal without
//                       verdicts, the sign of the difference of scores.
//   accuracy            share of the same pairs on which the answers are the same; also over the half of them on which the
//                       signal is most confident, by its probability or, without verdicts, its difference of scores
//   calibration error   of the same pairs' probabilities, in ten bins of confidence; calibration.ts has what repairs it
//   tau                 Kendall's tau-b between the signal's scores and the Bradley–Terry strengths of the audit's
//                       verdicts, over the distinct texts with an audited pair; mean over the groups where it is defined.
//                       Partial tau: the same given the number of tokens, from the means of the three taus
//   flip rate           share of audited pairs that the signal's *scores*, which training uses, put the wrong way round;
//                       flip-rate.ts has the estimates and what they assume
//   order consistency   share of pairs, readable in both orders, whose orders lie on the same side of one half
//   position bias       mean over the same pairs of the preference for the place shown first, minus one half: in [−½, ½]
//   tie rate            share of pairs with a readable verdict that end at one half
//   unreadable          share of unreadable verdicts, each order being one
//   intransitivity      share of circles among triples of distinct texts with three strict preferences
//   split-half          tau-b between the strengths of two halves of the verdicts, mean over groups, stepped up to all of
//   reliability         them by the Spearman–Brown formula
//   length correlation  Kendall's tau-b between score and number of tokens over distinct texts; mean over the groups where
//                       it is defined, 0 when there is none
//
// Intervals are 95 % percentile intervals of a bootstrap that resamples questions: all of them for what the signal says
// alone, the audited ones for the rest. The calibration error's is mirrored, the flip rate's widened for few groups.
import {
  type AssessFidelityRequest,
  type AssessFidelityResponse,
  Recommendation,
  type ReliabilityBin,
} from '@overtone/contracts';
import type { BootstrapOptions, Interval } from '@overtone/statistics';
import { AuditAgreement } from './audit-agreement.ts';
import { leastFlipRate } from './flip-rate.ts';
import { type Group, parseGroup } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import { checkVerdicts, type Preferences, preferencesOf } from './preferences.ts';
import { recommend } from './recommendation.ts';
import { reverseVerdict } from './reconcile.ts';
import { SelfConsistency } from './self-consistency.ts';
import { settled } from './settled.ts';

const recommendations = {
  use: Recommendation.RECOMMENDATION_USE,
  attenuate: Recommendation.RECOMMENDATION_ATTENUATE,
  'do not train': Recommendation.RECOMMENDATION_DO_NOT_TRAIN,
} as const;

/** Gathers groups and says how far their signal can be trusted. */
export class FidelityAssessment {
  readonly #bootstrap: BootstrapOptions;
  readonly #own = new SelfConsistency();
  readonly #audit = new AuditAgreement();
  #groups = 0;

  /** @param bootstrap how intervals are computed; by default seed 0, 1,000 resamples, level 0.95 */
  constructor(bootstrap: Partial<BootstrapOptions> = {}) {
    this.#bootstrap = { seed: 0, ...bootstrap };
  }

  /**
   * Adds a group.
   * @throws InvalidInput naming the field that is wrong; the group is then left out as a whole
   */
  add(request: AssessFidelityRequest): void {
    const group = parseGroup(request.problemId, request.solutions);
    const scores = settled(scoresOfTexts(group, request));
    checkVerdicts(group, request.verdicts);
    checkVerdicts(group, request.audit, 'audit');

    this.#groups++;
    this.#own.add(group, scores, request.verdicts);
    if (request.audit.length > 0) {
      const verdicts =
        request.signal?.reversed === true ? request.verdicts.map(reverseVerdict) : request.verdicts;
      const answers = verdicts.length > 0 ? preferencesOf(group, verdicts) : preferencesOfScores(scores);
      const audit = preferencesOf(group, request.audit);
      this.#audit.add({ group, scores, verdicts, answers, audit });
    }
  }

  /** What the groups added so far say; fields are absent as the contract describes. */
  result(): AssessFidelityResponse {
    const own = this.#own.figures(this.#bootstrap);
    const audit = this.#audit.figures(this.#bootstrap);
    const advice = recommend({
      ...own,
      ...audit,
      auditedGroups: audit.groups,
      auditedPairs: audit.orderedPairs,
    });
    return {
      groups: this.#groups,
      auditedGroups: audit.groups,
      auditedPairs: audit.pairs,
      kappa: audit.kappa,
      tau: audit.tau,
      partialTau: audit.partialTau,
      accuracy: audit.accuracy,
      confidentAccuracy: audit.confidentAccuracy,
      calibrationError: audit.calibrationError,
      calibratedError: audit.calibration?.temperatureError,
      reliability: reliabilityBins(audit.bins),
      temperature: audit.calibration?.temperature,
      plattBias: audit.calibration?.platt?.bias,
      plattSlope: audit.calibration?.platt?.slope,
      plattCalibratedError: audit.calibration?.plattError,
      verdictCalibrationError: audit.calibration?.verdictError,
      orderConsistency: own.orderConsistency?.value,
      orderConsistencyInterval: own.orderConsistency,
      positionBias: own.positionBias?.value,
      positionBiasInterval: own.positionBias,
      tieRate: own.tieRate,
      unreadable: own.unreadable?.value,
      intransitivity: own.intransitivity?.value,
      intransitivityInterval: own.intransitivity,
      lengthCorrelation: own.lengthCorrelation?.value ?? 0,
      lengthCorrelationInterval: own.lengthCorrelation,
      splitHalfReliability: own.splitHalf,
      flipRate: audit.flipRate ?? flipRateFromBelow(own.splitHalf),
      flipRateIsLowerBound: audit.flipRate === undefined && own.splitHalf !== undefined,
      bestFlipRate: audit.bestFlipRate,
      bestWorstFlipRate: audit.bestWorstFlipRate,
      auditorNoise: audit.noise,
      recommendation: recommendations[advice.recommendation],
      reason: advice.reason,
      groupsNeeded: advice.groupsNeeded,
    };
  }
}

/** What the verdicts alone leave possible: nothing bounds it from above. */
function flipRateFromBelow(reliability: Interval | undefined): Interval | undefined {
  if (reliability === undefined) return undefined;
  return { value: leastFlipRate(reliability.value), lower: leastFlipRate(reliability.upper), upper: 1 };
}

/** The bins that have pairs. */
function reliabilityBins(sums: readonly number[]): ReliabilityBin[] {
  const bins = sums.length / 3;
  return Array.from({ length: bins }, (_, bin): ReliabilityBin => {
    const [pairs = 0, confidence = 0, right = 0] = sums.slice(3 * bin, 3 * bin + 3);
    return {
      lower: 0.5 + bin / (2 * bins),
      upper: 0.5 + (bin + 1) / (2 * bins),
      pairs,
      confidence: confidence / pairs,
      accuracy: right / pairs,
    };
  }).filter(({ pairs }) => pairs > 0);
}

/** The signal's score of every distinct text: its first solution's. */
function scoresOfTexts(group: Group, { scores }: AssessFidelityRequest): number[] {
  const byIndex = new Map<number, number>();
  scores.forEach(({ index, score }, position) => {
    if (!group.textOf.has(index) || byIndex.has(index)) {
      throw new InvalidInput(
        `scores[${position}].index`,
        `is ${index}; expected the index of each solution once`,
      );
    }
    if (!Number.isFinite(score)) {
      throw new InvalidInput(`scores[${position}].score`, `is ${score}; expected a finite number`);
    }
    byIndex.set(index, score);
  });
  if (byIndex.size !== group.solutions.length) {
    throw new InvalidInput(
      'scores',
      `has ${byIndex.size} scores for ${group.solutions.length} solutions; expected one each`,
    );
  }
  return group.texts.map(({ members: [{ index }] }) => byIndex.get(index) ?? 0);
}

/** The preferences that scores imply: for the larger score, by the difference, a tie where they are equal. */
function preferencesOfScores(scores: readonly number[]): Preferences {
  return {
    size: scores.length,
    advantage: (a, b) => (scores[a] ?? 0) - (scores[b] ?? 0),
  };
}
