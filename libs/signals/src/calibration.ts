// Calibration: what a judge's probabilities are worth, held against the auditor. Two maps are fitted by maximum likelihood:
//   temperature  one number for the reconciled preferences of pairs: log-odds are divided by it
//   Platt        bias + slope for single verdicts, as log-odds for the place shown first: the bias undoes a favour for one
//                of the two places, which a temperature cannot
// The error after calibration is measured on questions that the map was not fitted to: questions are dealt into folds, and
// each fold's preferences are mapped by what the other folds gave.
import {
  addPrediction,
  calibrationBins,
  expectedCalibrationError,
  fitPlatt,
  fitTemperature,
  type PlattScaling,
} from '@overtone/statistics';

/** What one audited question says about calibration. */
export interface CalibrationGroup {
  /** Per audited pair, the signal's probability for the side that the auditor prefers, minus one half. */
  readonly advantages: Float64Array;
  /**
   * Per audited pair the probability for the place shown first: at 2k when the auditor prefers what stood there, at 2k + 1
   * when it does not; NaN for an unreadable verdict.
   */
  readonly shown: Float64Array;
}

/** Maps fitted to all questions, with their errors on questions that they were not fitted to. */
export interface Calibration {
  readonly temperature: number | undefined;
  readonly temperatureError: number | undefined;
  readonly platt: PlattScaling | undefined;
  /** Of single verdicts. */
  readonly plattError: number | undefined;
  /** Of single verdicts as they are. */
  readonly verdictError: number | undefined;
}

/** Folds of the cross-fit. */
const folds = 5;

/** Probabilities of 0 and 1 are taken to be this far inside, so that their log-odds are finite. */
const margin = 1e-6;

/** Fits both maps; fields are undefined where there is nothing to fit or to hold it against. */
export function calibrate(groups: readonly CalibrationGroup[]): Calibration {
  const temperatureOf = (part: readonly CalibrationGroup[]): number | undefined =>
    fitTemperature(logitsOf(part));
  const plattOf = (part: readonly CalibrationGroup[]): PlattScaling | undefined => {
    const { logits, outcomes } = shownOf(part);
    return fitPlatt(logits, outcomes);
  };
  return {
    temperature: temperatureOf(groups),
    temperatureError: crossFitted(groups, temperatureOf, (temperature, { advantages }) =>
      advantages.map((advantage) => sigmoid(logit(0.5 + advantage) / temperature) - 0.5),
    ),
    platt: plattOf(groups),
    plattError: crossFitted(groups, plattOf, ({ bias, slope }, group) =>
      shownAdvantages(group, (probability) => sigmoid(bias + slope * logit(probability))),
    ),
    verdictError: errorOf(groups.map((group) => shownAdvantages(group))),
  };
}

/** Probabilities that the single verdicts of a group, mapped, give to what the auditor prefers, minus one half. */
function shownAdvantages(
  { shown }: CalibrationGroup,
  map: (probability: number) => number = (probability) => probability,
): Float64Array {
  return shown
    .map((probability, place) => (place % 2 === 0 ? map(probability) - 0.5 : 0.5 - map(probability)))
    .filter((advantage) => !Number.isNaN(advantage));
}

function crossFitted<Map>(
  groups: readonly CalibrationGroup[],
  fit: (part: readonly CalibrationGroup[]) => Map | undefined,
  apply: (map: Map, group: CalibrationGroup) => Float64Array,
): number | undefined {
  if (groups.length < 2) return undefined;
  const mapped: Float64Array[] = [];
  for (let fold = 0; fold < Math.min(folds, groups.length); fold++) {
    const map = fit(groups.filter((_, index) => index % folds !== fold));
    if (map === undefined) continue;
    for (let index = fold; index < groups.length; index += folds) {
      const group = groups[index];
      if (group !== undefined) mapped.push(apply(map, group));
    }
  }
  return errorOf(mapped);
}

/** The calibration error of probabilities for what came true, minus one half each. */
function errorOf(groups: readonly Float64Array[]): number | undefined {
  const bins = calibrationBins();
  for (const advantages of groups) {
    for (const advantage of advantages)
      if (advantage !== 0) addPrediction(bins, 0.5 + Math.abs(advantage), advantage > 0);
  }
  return expectedCalibrationError(bins.sums);
}

/** Log-odds for the side that the auditor prefers, of all pairs. */
function logitsOf(groups: readonly CalibrationGroup[]): Float64Array {
  const logits = new Float64Array(groups.reduce((sum, { advantages }) => sum + advantages.length, 0));
  let at = 0;
  for (const { advantages } of groups) {
    for (const advantage of advantages) logits[at++] = logit(0.5 + advantage);
  }
  return logits;
}

/** Log-odds for the place shown first and whether the auditor prefers what stood there, of all readable verdicts. */
function shownOf(groups: readonly CalibrationGroup[]): { logits: Float64Array; outcomes: Uint8Array } {
  const size = groups.reduce((sum, { shown }) => sum + shown.length, 0);
  const logits = new Float64Array(size);
  const outcomes = new Uint8Array(size);
  let at = 0;
  for (const { shown } of groups) {
    shown.forEach((probability, place) => {
      if (Number.isNaN(probability)) return;
      logits[at] = logit(probability);
      outcomes[at++] = place % 2 === 0 ? 1 : 0;
    });
  }
  return { logits: logits.subarray(0, at), outcomes: outcomes.subarray(0, at) };
}

function logit(probability: number): number {
  const inside = Math.max(margin, Math.min(1 - margin, probability));
  return Math.log(inside / (1 - inside));
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
