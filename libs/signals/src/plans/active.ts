// Active: asks for the pairs of which the Bradley–Terry posterior expects to learn most about the order of the texts.
//
// The posterior of the strengths is taken as normal (Laplace). Of a pair with difference d ± √v, a verdict carries information
// p(1 − p) · v, with p = σ(d): half the log of one plus that is what it is expected to take off the posterior's entropy
// (Bayesian D-optimality). What is wanted is the order alone, so that it counts by the doubt that it can settle, and by what
// hangs on the two texts, for the best and the worst are what is trained on:
//   gain = p(1 − p) · v · e^(−d²/v) · (1 + s_a + s_b),
// s the probability that a text is the best plus that it is the worst. A round takes the best pair, shrinks the covariance as its
// verdict would (rank one), and takes the next, so that a round's pairs do not ask the same thing twice.
// Source of the information: K. Chaloner and I. Verdinelli, "Bayesian experimental design: a review", 1995. The other factors
// were chosen among several by the simulations in test/bench/plans.
import { type BradleyTerryPosterior, bradleyTerryPosterior } from '@overtone/statistics';
import { comparisonsOf } from '../bradley-terry-score.ts';
import type { Plan, Standing, TextPair } from './standing.ts';

/** Deviation of the prior, logits. Wider than that of scores: a sharp judge's verdicts must be allowed to settle an order. */
const priorDeviation = 3;

/** Share of the texts that is a round's number of pairs: a judge answers a round in parallel, the next one knows more. */
const roundShare = 1 / 4;

/** Rounds of n/4 pairs, ⌊n(log₂ n − 5/4)⌋ in all but at least n − 1, unless a budget says otherwise. */
export const active: Plan = {
  budget(size) {
    if (size < 2) return 0;
    return Math.max(size - 1, Math.floor(size * (Math.log2(size) - 1.25)));
  },
  next(standing, left) {
    const { size, preferences } = standing;
    const posterior = bradleyTerryPosterior(size, comparisonsOf(preferences), { priorDeviation });
    const stakes = stakesOf(posterior);
    const open = openPairs(standing);
    const pairs: TextPair[] = [];
    const wanted = Math.min(left, Math.max(1, Math.round(size * roundShare)));
    while (pairs.length < wanted && open.length > 0) {
      const [pair] = open.splice(mostInformative(open, posterior, stakes), 1);
      if (pair === undefined) break;
      pairs.push(pair);
      if (pairs.length < wanted) foresee(pair, posterior);
    }
    return pairs;
  },
};

/** The pairs without a verdict, in the seed's order. */
function openPairs({ order, wasAsked }: Standing): TextPair[] {
  return order.flatMap((a, place) =>
    order.slice(place + 1).flatMap((b): TextPair[] => (wasAsked(a, b) ? [] : [[a, b]])),
  );
}

/** Where among the pairs the one with the largest gain is; of equal ones, up to rounding, the first. */
function mostInformative(
  pairs: readonly TextPair[],
  { strengths, covariance }: BradleyTerryPosterior,
  stakes: Float64Array,
): number {
  const size = strengths.length;
  let best = 0;
  let most = -1;
  pairs.forEach(([a, b], place) => {
    const difference = at(strengths, a) - at(strengths, b);
    const spread = spreadOf(covariance, size, a, b);
    const doubt = Math.exp((-difference * difference) / spread);
    const gain = information(difference) * spread * doubt * (1 + at(stakes, a) + at(stakes, b));
    if (gain > most * (1 + 1e-9)) {
      most = gain;
      best = place;
    }
  });
  return best;
}

/**
 * Of every text, the probability that it is the best plus that it is the worst, as if it met the others independently of each
 * other; the normal distribution function is taken as σ(1.702 z), which differs by less than 0.01.
 */
function stakesOf({ strengths, covariance }: BradleyTerryPosterior): Float64Array {
  const size = strengths.length;
  const best = new Float64Array(size);
  const worst = new Float64Array(size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size; b++) {
      if (a === b) continue;
      const difference = at(strengths, a) - at(strengths, b);
      const z = (1.702 * difference) / Math.sqrt(spreadOf(covariance, size, a, b));
      best[a] = at(best, a) - softplus(-z);
      worst[a] = at(worst, a) - softplus(z);
    }
  }
  const [asBest, asWorst] = [normalised(best), normalised(worst)];
  return asBest.map((probability, text) => probability + at(asWorst, text));
}

/** log(1 + e^x) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Probabilities in proportion to e^x. */
function normalised(logarithms: Float64Array): Float64Array {
  const largest = Math.max(...logarithms);
  const exponentials = logarithms.map((logarithm) => Math.exp(logarithm - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

/** Shrinks the covariance as a verdict on the pair would (Sherman and Morrison). */
function foresee([a, b]: TextPair, { strengths, covariance }: BradleyTerryPosterior): void {
  const size = strengths.length;
  const weight = information(at(strengths, a) - at(strengths, b));
  const scale = weight / (1 + weight * spreadOf(covariance, size, a, b));
  const change = new Float64Array(size);
  for (let text = 0; text < size; text++)
    change[text] = at(covariance, a * size + text) - at(covariance, b * size + text);
  for (let row = 0; row < size; row++) {
    const own = scale * at(change, row);
    for (let column = 0; column < size; column++) {
      const cell = row * size + column;
      covariance[cell] = at(covariance, cell) - own * at(change, column);
    }
  }
}

/** Information of a verdict about the difference of two strengths: p(1 − p). */
function information(difference: number): number {
  const small = Math.exp(-Math.abs(difference));
  return small / (1 + small) ** 2;
}

/** Posterior variance of the difference of two strengths. */
function spreadOf(covariance: Float64Array, size: number, a: number, b: number): number {
  return at(covariance, a * size + a) + at(covariance, b * size + b) - 2 * at(covariance, a * size + b);
}

function at(values: Float64Array, index: number): number {
  return values[index] as number;
}
