// The flip rate: how often a signal's preference between two solutions is the wrong way round. It is never seen; it is
// estimated from what is.
//
// From an audit. Where the auditor errs by chance with probability a, independently of the signal, the two disagree on
//   d = f (1 − a) + a (1 − f),   so that   f = (d − a) / (1 − 2a).
// The auditor's noise a is known from its own circles: of three solutions with a true order, each preference being wrong
// independently with probability a, a (1 − a) of the triples are circles. Errors that the auditor makes consistently leave
// no circle and are not corrected for: with them, f is the rate against the auditor's taste. Where signal and auditor err
// on the same close pairs, the correction is too large by up to twice the covariance of their errors divided by 1 − 2a:
// it may lower the dose of attenuation, but is not trusted to turn "attenuate" into "use" (recommendation.ts).
//
// From the verdicts alone. Two halves of the verdicts that err independently with probability e order a pair alike with
// probability 1 − 2e (1 − e), and τ = 1 − 2 · P(unlike) = (1 − 2e)². With τ stepped up to all verdicts (Spearman–Brown),
// e = (1 − √τ) / 2. Errors that both halves share are not seen, and where pairs differ in difficulty the mean of squares is
// no less than the square of the mean: the flip rate is *at least* this.

import type { Interval } from '@overtone/statistics';

/** Above this the auditor tells next to nothing apart, and dividing by 1 − 2a would only magnify noise. */
const mostNoise = 0.4;

/** The auditor's chance errors, in [0, 0.4], from the share of circles among its triples of strict preferences. */
export function noiseFromCycles(share: number): number {
  return Math.min(mostNoise, (1 - Math.sqrt(Math.max(0, 1 - 4 * share))) / 2);
}

/** The flip rate in [0, 1] behind a share of disagreement with an auditor that has this noise, in [0, 0.4]. */
export function flipRateFromAudit(disagreement: number, noise: number): number {
  return Math.max(0, Math.min(1, (disagreement - noise) / (1 - 2 * noise)));
}

/** The least flip rate, in [0, 0.5], that a stepped-up split-half tau leaves possible. */
export function leastFlipRate(reliability: number): number {
  return (1 - Math.sqrt(Math.max(0, Math.min(1, reliability)))) / 2;
}

/**
 * Widens the percentile interval of a share of pairs, so that few groups do not look like certainty. Two things are missing from
 * it. Resampling n groups spreads less than drawing new ones does: both ends move away from the value by √(n / (n − 1)) and
 * by Student's quantile over the normal one (T. Hesterberg, "What teachers should know about the bootstrap", 2015). And groups
 * without any flip give an interval of no width: if a share p of groups were flipped throughout, n groups would show none of
 * them with probability (1 − p)^n; the upper end is at least the p for which that is 2.5 %, the lower end at most its mirror.
 */
export function widenForGroups({ value, lower, upper }: Interval, groups: number): Interval {
  const unseen = unseenShare(groups);
  const factor = groups > 1 ? Math.sqrt(groups / (groups - 1)) * studentOverNormal(groups - 1) : Infinity;
  const away = (end: number): number => (end === value ? value : value + factor * (end - value));
  return {
    value,
    lower: Math.max(0, Math.min(away(lower), 1 - unseen)),
    upper: Math.min(1, Math.max(away(upper), unseen)),
  };
}

/** The share of groups of which n show none with probability 2.5 %. */
export function unseenShare(groups: number): number {
  return 1 - 0.025 ** (1 / groups);
}

/** The 97.5 % quantile of Student's distribution over the normal one's: the first terms of its Cornish–Fisher expansion. */
function studentOverNormal(freedom: number): number {
  const z2 = 1.959963984540054 ** 2;
  return 1 + (z2 + 1) / (4 * freedom) + (5 * z2 * z2 + 16 * z2 + 3) / (96 * freedom * freedom);
}
