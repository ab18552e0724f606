// Bradley–Terry strengths from soft pairwise verdicts, maximum a posteriori.
// Model: item i beats item j with probability σ(θ_i − θ_j), σ(x) = 1 / (1 + e^−x). A soft verdict p with weight w counts
// as w·p wins of i and w·(1 − p) wins of j. With independent priors θ_i ~ N(0, τ²) the log-posterior is
//   L(θ) = Σ w [p log σ(θ_i − θ_j) + (1 − p) log σ(θ_j − θ_i)] − Σ θ_i² / (2τ²).
// It is strictly concave, so there is one maximum whatever the verdicts: the prior fixes the common shift (the strengths
// sum to zero), keeps undefeated items finite, and gives items without verdicts strength 0. Newton's method with step
// halving finds it. Standard errors are the square roots of the diagonal of (−∇²L)^−1 (Laplace's approximation).
// Sources: R. A. Bradley and M. E. Terry, "Rank analysis of incomplete block designs", 1952; D. R. Hunter, "MM algorithms
// for generalized Bradley–Terry models", 2004.
import { cholesky, invertCholesky, inverseDiagonal, solveCholesky } from './cholesky.ts';

/** A soft verdict on a pair of items. */
export interface Comparison {
  /** An item's index. */
  i: number;
  /** Another item's index. */
  j: number;
  /** Probability in [0, 1] that i is better; 0.5 is a tie. */
  preference: number;
  /** How many verdicts this one counts for, above 0. Default 1. */
  weight?: number;
}

/** How to fit. */
export interface BradleyTerryOptions {
  /**
   * Standard deviation τ of the prior of a strength, in logits. Default 1: before any verdict, the odds between two items
   * lie within 16 : 1 with probability 95 %.
   */
  priorDeviation?: number;
}

/** Strengths in logits: σ(difference) is the probability of a win. */
export interface BradleyTerryFit {
  /** One per item; they sum to zero. */
  strengths: Float64Array;
  /** Posterior standard deviation of each; the prior's for an item without verdicts. */
  standardErrors: Float64Array;
}

/** A fit with all that Laplace's approximation says of its uncertainty. */
export interface BradleyTerryPosterior {
  /** One per item; they sum to zero. */
  strengths: Float64Array;
  /** Posterior covariance of the strengths, items × items, row-major. */
  covariance: Float64Array;
  /** Logarithm of the probability of the verdicts under the prior, by Laplace's approximation. */
  logEvidence: number;
}

/**
 * Fits strengths to verdicts: O(verdicts + items³) per Newton step, a handful of steps.
 * @throws RangeError when an index, preference, weight or the prior makes no sense
 */
export function bradleyTerry(
  items: number,
  comparisons: readonly Comparison[],
  options: BradleyTerryOptions = {},
): BradleyTerryFit {
  const { strengths, factor } = maximise(items, comparisons, options);
  return { strengths, standardErrors: inverseDiagonal(factor, items).map(Math.sqrt) };
}

/**
 * Fits as `bradleyTerry` does, and tells how the strengths vary together.
 * @throws RangeError when an index, preference, weight or the prior makes no sense
 */
export function bradleyTerryPosterior(
  items: number,
  comparisons: readonly Comparison[],
  options: BradleyTerryOptions = {},
): BradleyTerryPosterior {
  const { strengths, factor, value } = maximise(items, comparisons, options);
  // Prior and approximation are both normal in as many dimensions: their factors of 2π cancel.
  let logEvidence = value - items * Math.log(options.priorDeviation ?? 1);
  for (let item = 0; item < items; item++) logEvidence -= Math.log(factor[item * items + item] as number);
  return { strengths, covariance: invertCholesky(factor, items), logEvidence };
}

const tolerance = 1e-10;
const maxIterations = 100;

/** The log-posterior about a point, to the second order. */
interface Expansion {
  value: number;
  gradient: Float64Array;
  /** −∇²L, items × items, row-major; only the lower triangle is filled. */
  curvature: Float64Array;
}

/** The maximum, and the Cholesky factor of −∇²L there. */
function maximise(
  items: number,
  comparisons: readonly Comparison[],
  { priorDeviation = 1 }: BradleyTerryOptions,
): { strengths: Float64Array; factor: Float64Array; value: number } {
  if (!Number.isInteger(items) || items < 1) {
    throw new RangeError(`bradleyTerry: ${items} items; expected an integer of at least 1`);
  }
  if (!(priorDeviation > 0 && Number.isFinite(priorDeviation))) {
    throw new RangeError(`bradleyTerry: priorDeviation is ${priorDeviation}; expected a positive number`);
  }
  comparisons.forEach((comparison, index) => check(comparison, index, items));

  const precision = priorDeviation ** -2;
  let strengths = new Float64Array(items);
  let here = expand(strengths, comparisons, precision);
  let factor = cholesky(here.curvature, items);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const step = solveCholesky(factor, here.gradient);
    if (step.every((change) => Math.abs(change) < tolerance)) break;
    // Near the maximum a step gains less than the rounding of the sum; it must not be refused for that.
    const least = here.value - 1e-12 * (1 + Math.abs(here.value));
    let next = strengths;
    let there: Expansion | undefined;
    for (let scale = 1; scale > tolerance && !(there !== undefined && there.value >= least); scale /= 2) {
      const length = scale;
      next = strengths.map((strength, item) => strength + length * (step[item] as number));
      there = expand(next, comparisons, precision);
    }
    if (there === undefined || !(there.value >= least)) break;
    strengths = next;
    here = there;
    factor = cholesky(here.curvature, items);
  }
  return { strengths, factor, value: here.value };
}

function check({ i, j, preference, weight = 1 }: Comparison, index: number, items: number): void {
  const where = (): string => `bradleyTerry: comparison ${index}`;
  const known = (item: number): boolean => Number.isInteger(item) && item >= 0 && item < items;
  if (!known(i) || !known(j) || i === j) {
    throw new RangeError(
      `${where()} is between items ${i} and ${j}; expected two different indices in [0, ${items})`,
    );
  }
  if (!(preference >= 0 && preference <= 1)) {
    throw new RangeError(`${where()} has preference ${preference}; expected a probability in [0, 1]`);
  }
  if (!(weight > 0 && Number.isFinite(weight))) {
    throw new RangeError(`${where()} has weight ${weight}; expected a positive number`);
  }
}

function expand(strengths: Float64Array, comparisons: readonly Comparison[], precision: number): Expansion {
  const items = strengths.length;
  const gradient = new Float64Array(items);
  const curvature = new Float64Array(items * items);
  let value = 0;
  for (let item = 0; item < items; item++) {
    const strength = strengths[item] as number;
    value -= (precision * strength * strength) / 2;
    gradient[item] = -precision * strength;
    curvature[item * items + item] = precision;
  }
  for (const { i, j, preference, weight = 1 } of comparisons) {
    const logit = (strengths[i] as number) - (strengths[j] as number);
    // e^−|x| never overflows; log σ(x) = min(x, 0) − log(1 + e^−|x|).
    const small = Math.exp(-Math.abs(logit));
    const win = (logit >= 0 ? 1 : small) / (1 + small);
    const lost = Math.log1p(small);
    value +=
      weight * (preference * (Math.min(logit, 0) - lost) + (1 - preference) * (Math.min(-logit, 0) - lost));
    const surprise = weight * (preference - win);
    gradient[i] = (gradient[i] as number) + surprise;
    gradient[j] = (gradient[j] as number) - surprise;
    const information = weight * win * (1 - win);
    const mixed = i > j ? i * items + j : j * items + i;
    curvature[i * items + i] = (curvature[i * items + i] as number) + information;
    curvature[j * items + j] = (curvature[j * items + j] as number) + information;
    curvature[mixed] = (curvature[mixed] as number) - information;
  }
  return { value, gradient, curvature };
}
