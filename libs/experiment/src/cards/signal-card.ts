// A signal card: what the scorer measured of a signal, in the form of report.json.
import { type AssessFidelityResponse, type Estimate, Recommendation } from '@overtone/contracts';
import type { ReportedSignal } from '@overtone/report';

/** How a card names its signal. */
export interface CardTitle {
  readonly name: string;
  /** How it scores, for example "bradley-terry". */
  readonly method: string;
  /** The judge or judges that it asks; null without one. */
  readonly judge: string | null;
  /** The judge that the signal was held against; absent without an audit. */
  readonly auditor?: string | undefined;
  /** How much each judge of a panel counts. Default: it is none. */
  readonly panel?: ReportedSignal['panel'];
}

/** The card of what was measured. */
export function signalCard(
  { name, method, judge, auditor, panel = [] }: CardTitle,
  found: AssessFidelityResponse,
): ReportedSignal {
  // To agree with oneself is no evidence, however much of it there is.
  const ownAuditor = judge !== null && judge === auditor;
  return {
    name,
    method,
    judge,
    kappa: found.kappa?.value ?? null,
    kappaCi95: ends(found.kappa),
    tau: found.tau?.value ?? null,
    tauCi95: ends(found.tau),
    orderConsistency: found.orderConsistency ?? null,
    positionBias: found.positionBias ?? null,
    unreadable: found.unreadable ?? null,
    intransitivity: found.intransitivity ?? null,
    lengthCorrelation: found.lengthCorrelation,
    groups: found.groups,
    auditedPairs: found.auditedPairs,
    auditedGroups: found.auditedGroups,
    recommendation: recommendationOf(found.recommendation),
    reason:
      found.reason === '' ? null : `${found.reason}${ownAuditor ? ' Its judge is the auditor itself.' : ''}`,
    groupsNeeded: found.groupsNeeded,
    flipRate: measured(found.flipRate),
    flipRateIsLowerBound: found.flipRateIsLowerBound,
    bestFlipRate: measured(found.bestFlipRate),
    bestWorstFlipRate: measured(found.bestWorstFlipRate),
    auditorNoise: found.auditorNoise ?? null,
    accuracy: measured(found.accuracy),
    confidentAccuracy: measured(found.confidentAccuracy),
    partialTau: measured(found.partialTau),
    splitHalfReliability: measured(found.splitHalfReliability),
    tieRate: measured(found.tieRate),
    orderConsistencyCi95: ends(found.orderConsistencyInterval),
    positionBiasCi95: ends(found.positionBiasInterval),
    intransitivityCi95: ends(found.intransitivityInterval),
    lengthCorrelationCi95: ends(found.lengthCorrelationInterval),
    calibrationError: measured(found.calibrationError),
    calibratedError: found.calibratedError ?? null,
    temperature: found.temperature ?? null,
    plattBias: found.plattBias ?? null,
    plattSlope: found.plattSlope ?? null,
    plattCalibratedError: found.plattCalibratedError ?? null,
    verdictCalibrationError: found.verdictCalibrationError ?? null,
    reliability: found.reliability.map(({ lower, upper, pairs, confidence, accuracy }) => ({
      lower,
      upper,
      pairs,
      confidence,
      accuracy,
    })),
    panel,
  };
}

function recommendationOf(recommendation: Recommendation): ReportedSignal['recommendation'] {
  switch (recommendation) {
    case Recommendation.RECOMMENDATION_USE:
      return 'use';
    case Recommendation.RECOMMENDATION_ATTENUATE:
      return 'attenuate';
    case Recommendation.RECOMMENDATION_DO_NOT_TRAIN:
      return 'do not train';
    default:
      return null;
  }
}

function ends(estimate: Estimate | undefined): [number, number] | null {
  return estimate === undefined ? null : [estimate.lower, estimate.upper];
}

function measured(estimate: Estimate | undefined): ReportedSignal['flipRate'] {
  return estimate === undefined ? null : { value: estimate.value, ci95: [estimate.lower, estimate.upper] };
}
