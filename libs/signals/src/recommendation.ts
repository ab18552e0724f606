// The recommendation: use a signal, attenuate it by its flip rate, or do not train on it. This file is the whole rule.
//
// The measure is information. Preferences of which a share f is the wrong way round say as much as (1 − 2f)² times as many
// clean ones: at f = 15 % one half, at 40 % one in 25, at 45 % one in a hundred, at 50 % nothing, and beyond it they teach
// the opposite. So, with an audit, in this order:
//
//   do not train  when the interval of the flip rate lies above 50 %: the signal is reversed, its opposite would agree;
//                 when its upper end reaches 45 % or the estimate 40 %: coin tosses are not excluded, or what is left is too
//                 little to be worth its noise. Not knowing counts against the signal, because training on a bad one does
//                 harm and not training costs only the gain;
//                 when the interval of kappa reaches 0: the judge's own verdicts agree with the audit no more than chance;
//                 when the second of these holds of the best solution of each group against the others: a signal that is right about the rest
//                 and puts a bad one first teaches that one (`likes-regroup` and `longer` in test/bench/predicts, both harmful);
//   use           when the upper end of the flip rate is at most 15 %, with the auditor taken at its word as well as
//                 corrected for its noise, and nothing below caps it.
//   attenuate     otherwise, by the estimated flip rate: the robust objectives need its value, and are safe up to 45 %.
//
// What caps a signal at "attenuate", because its agreement on the audited pairs may not last where they are not:
//   the two orders agree on fewer than half of the pairs, or neither solution is preferred in more than half of them: its
//   preferences come from averaging verdicts that say where a solution stood;
//   the interval of the partial tau given length reaches 0 while the signal correlates with length: length explains it.
//
// Without an audit a signal is never used: consistency does not tell a good judge from one that errs consistently. It is
// "do not train", for good where its two halves of verdicts do not agree beyond chance, else with what an audit would need. 97 groups settle a rate to ± 10 points even when each counts for one
// pair alone: (1.96 × 0.5 / 0.1)².
import type { Interval } from '@overtone/statistics';
import { leastFlipRate, unseenShare } from './flip-rate.ts';

/** Ends of the interval of the flip rate that decide; see above. */
export const thresholds = { use: 0.15, hopeless: 0.4, chance: 0.45, reversed: 0.5 } as const;

/** Groups that settle the rate of an unaudited signal. */
const groupsOfAudit = 97;

/** The figures that decide. */
export interface DecidingFigures {
  /** Groups with audited pairs; 0 without an audit. */
  readonly auditedGroups: number;
  /** Pairs of which the flip rate is a share. */
  readonly auditedPairs: number;
  /** Against the audit, corrected for its noise. */
  readonly flipRate: Interval | undefined;
  /** As flipRate, for the best solution of each group against each of the others; undefined where it is not known. */
  readonly bestFlipRate?: Interval | undefined;
  /** The same, uncorrected. */
  readonly disagreement: Interval | undefined;
  readonly kappa: Interval | undefined;
  readonly partialTau: Interval | undefined;
  readonly lengthCorrelation: Interval | undefined;
  readonly orderConsistency: Interval | undefined;
  readonly tieRate: Interval | undefined;
  readonly splitHalf: Interval | undefined;
}

/** What to do, and why. */
export interface Advice {
  readonly recommendation: 'use' | 'attenuate' | 'do not train';
  /** A sentence or two that name the figures. */
  readonly reason: string;
  /** Audited groups, all together, after which the advice can be expected to be settled; 0 when it is. */
  readonly groupsNeeded: number;
}

/** The advice that the figures give. */
export function recommend(figures: DecidingFigures): Advice {
  const { flipRate, kappa, disagreement } = figures;
  if (flipRate === undefined || disagreement === undefined) return unaudited(figures);
  const { value, lower, upper } = flipRate;
  const share = `of ${figures.auditedPairs.toLocaleString('en')} audited pairs in ${count(figures.auditedGroups)} it orders ${percent(value)} the wrong way round [${percent(lower)}, ${percent(upper)}]`;
  const refuse = (why: string, groupsNeeded = 0): Advice => ({
    recommendation: 'do not train',
    reason: `${capital(share)}: ${why}${more(groupsNeeded)}.`,
    groupsNeeded,
  });

  if (lower > thresholds.reversed)
    return refuse('it is reversed, and its opposite would agree with the audit');
  if (value >= thresholds.hopeless)
    return refuse(
      `what it gets right is next to what coin tosses would${kappa === undefined ? '' : ` (kappa ${figure(kappa)})`}`,
      undecided(figures, flipRate, thresholds.hopeless),
    );
  if (upper >= thresholds.chance)
    return refuse(
      `the audit is too small to exclude that it is near chance, ${whole(thresholds.chance)}`,
      undecided(figures, flipRate, thresholds.chance),
    );
  if (kappa !== undefined && kappa.lower <= 0)
    return refuse(`its verdicts agree with the audit no more than chance does: kappa ${figure(kappa)}`);

  const { bestFlipRate } = figures;
  if (bestFlipRate !== undefined) {
    const { value: lost, lower: least, upper: most } = bestFlipRate;
    const first = `but what it puts first loses ${percent(lost)} of its audited comparisons with the other solutions of the group [${percent(least)}, ${percent(most)}]`;
    if (lost >= thresholds.hopeless)
      return refuse(
        `${first}, next to what a coin would`,
        undecided(figures, bestFlipRate, thresholds.hopeless),
      );
    if (most >= thresholds.chance)
      return refuse(
        `${first}, which does not exclude that it is near chance`,
        undecided(figures, bestFlipRate, thresholds.chance),
      );
  }

  const cap = capOf(figures);
  const raw = disagreement.upper;
  if (upper <= thresholds.use && raw <= thresholds.use && cap === undefined) {
    return {
      recommendation: 'use',
      reason: `${capital(share)}, at most ${whole(thresholds.use)} with confidence${kappa === undefined ? '' : `; kappa ${figure(kappa)}`}.`,
      groupsNeeded: 0,
    };
  }
  const why =
    cap ??
    (upper > thresholds.use
      ? `more than ${whole(thresholds.use)} may be wrong, fewer than ${whole(thresholds.chance)} are`
      : `its disagreement with the audit, up to ${percent(raw)}, is under ${whole(thresholds.use)} only after a correction for the auditor's own noise`);
  const groupsNeeded =
    cap === undefined && upper > thresholds.use ? undecided(figures, flipRate, thresholds.use) : 0;
  return {
    recommendation: 'attenuate',
    reason: `Attenuate by ${percent(value)}: ${share}; ${why}${more(groupsNeeded)}.`,
    groupsNeeded,
  };
}

function unaudited({ splitHalf, orderConsistency, auditedGroups }: DecidingFigures): Advice {
  const recommendation = 'do not train';
  const start =
    auditedGroups > 0
      ? 'Unaudited: the audit has no pair on which it and the signal both have a preference'
      : 'Unaudited';
  if (
    splitHalf !== undefined &&
    (splitHalf.lower <= 0 || leastFlipRate(splitHalf.upper) >= thresholds.hopeless)
  ) {
    return {
      recommendation,
      reason: `${start}, and its verdicts do not even agree with each other more than chance does: split-half reliability ${figure(splitHalf)}${orderConsistency === undefined ? '' : `, both orders agree on ${percent(orderConsistency.value)} of the pairs`}.`,
      groupsNeeded: 0,
    };
  }
  const known =
    splitHalf === undefined
      ? 'nothing here says whether it prefers the better solution'
      : `its verdicts agree with each other (split-half reliability ${figure(splitHalf)}${orderConsistency === undefined ? '' : `, both orders agree on ${percent(orderConsistency.value)} of the pairs`}), ${leastFlipRate(splitHalf.value) < 0.0005 ? '' : `so at least ${percent(leastFlipRate(splitHalf.value))} of its preferences between pairs are wrong, `}but nothing here tells a good judge from one that errs consistently`;
  return {
    recommendation,
    reason: `${start}: ${known}; audit ${groupsOfAudit} groups with a stronger judge to decide.`,
    groupsNeeded: groupsOfAudit,
  };
}

/** Why agreement on the audited pairs is not enough for "use". */
function capOf(figures: DecidingFigures): string | undefined {
  const { orderConsistency, tieRate, partialTau, lengthCorrelation } = figures;
  if (orderConsistency !== undefined && orderConsistency.upper < 0.5)
    return `both orders agree on only ${percent(orderConsistency.value)} of the pairs, so that its verdicts say more about the place shown first than about solutions`;
  if (tieRate !== undefined && tieRate.lower > 0.5)
    return `it has no preference on ${percent(tieRate.value)} of the pairs`;
  if (lengthCorrelation === undefined) return undefined;
  const { value, lower, upper } = lengthCorrelation;
  const long = lower > 0 || upper < 0;
  // Where a signal is length and nothing else, nothing remains to correlate given length.
  const explained = partialTau === undefined ? Math.abs(value) > 0.99 : partialTau.lower <= 0;
  if (long && explained)
    return `length explains its agreement: its scores correlate with length (tau ${figure(lengthCorrelation)}), and given length nothing certain is left${partialTau === undefined ? '' : ` (partial tau ${figure(partialTau)})`}`;
  return undefined;
}

/** Audited groups for an interval that no longer holds the boundary: its width falls with the square root of the groups. */
function undecided(
  { auditedGroups }: DecidingFigures,
  { value, lower, upper }: Interval,
  boundary: number,
): number {
  if (boundary < lower || boundary > upper) return 0;
  // Nearer to the boundary than two points, both sides of it come to the same.
  const distance = Math.max(0.02, Math.abs(boundary - value));
  const needed = Math.ceil(auditedGroups * ((upper - lower) / 2 / distance) ** 2);
  let least = auditedGroups + 1;
  while (unseenShare(least) > thresholds.use) least++;
  return Math.max(least, needed);
}

function more(groups: number): string {
  return groups > 0 ? `; about ${groups.toLocaleString('en')} audited groups would decide` : '';
}

function count(groups: number): string {
  return groups === 1 ? '1 group' : `${groups.toLocaleString('en')} groups`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function whole(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** "0.71 [0.60, 0.80]". */
function figure({ value, lower, upper }: Interval): string {
  const [middle, low, high] = [value, lower, upper].map((number) => number.toFixed(2).replace('-', '−'));
  return `${middle} [${low}, ${high}]`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
