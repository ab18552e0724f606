// Bradley–Terry strengths from soft pairwise verdicts, maximum a posteriori.
// Model: item i beats item j with probability σ(θ_i − θ_j), σ(x) = 1 / (1 + e^−x). A soft verdict p with weight w counts
// as w·p wins of i and w·(1 − p) wins of j. With independent priors θ_i ~ N(0, τ²) the log-posterior is
//   L(θ) = Σ w [p log σ(θ_i − θ_j) + (1 − p) log σ(θ_j − θ_i)] − Σ θ_i² / (2τ²).
// It is strictly concave, so there is one maximum whatever the verdicts: the prior fixes the common shift (the strengths
// sum to zero), keeps undefeated items finite, and gives items without verdicts strength 0. Newton's method with step
// halving finds it. Standard errors are the square roots of the diagonal of (−∇²L)^−1 (Laplace's approximation).
// Sources: R. A. Bradley and M. E. Terry, "Rank analysis of incomplete block designs", 1952; D. R. Hunter, "MM algorithms
// for generalized Bradley–Terry models", 2004.

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

/**
 * Fits strengths to verdicts: O(items³) per Newton step, a handful of steps.
 * @throws RangeError when an index, preference, weight or the prior makes no sense
 */
export function bradleyTerry(
  items: number,
  comparisons: readonly Comparison[],
  { priorDeviation = 1 }: BradleyTerryOptions = {},
): BradleyTerryFit {
  if (!Number.isInteger(items) || items < 1) {
    throw new RangeError(`bradleyTerry: ${items} items; expected an integer of at least 1`);
  }
  if (!(priorDeviation > 0 && Number.isFinite(priorDeviation))) {
    throw new RangeError(`bradleyTerry: priorDeviation is ${priorDeviation}; expected a positive number`);
  }
  comparisons.forEach((comparison, index) => check(comparison, index, items));

  const precision = priorDeviation ** -2;
  let strengths = new Float64Array(items);
  let value = logPosterior(strengths, comparisons, precision);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const factor = cholesky(negativeHessian(strengths, comparisons, precision), items);
    const step = solve(factor, gradient(strengths, comparisons, precision));
    if (step.every((change) => Math.abs(change) < tolerance)) break;
    // Near the maximum a step gains less than the rounding of the sum; it must not be refused for that.
    const least = value - 1e-12 * (1 + Math.abs(value));
    let next = strengths;
    let nextValue = -Infinity;
    for (let scale = 1; scale > tolerance && !(nextValue >= least); scale /= 2) {
      const length = scale;
      next = strengths.map((strength, item) => strength + length * (step[item] as number));
      nextValue = logPosterior(next, comparisons, precision);
    }
    if (!(nextValue >= least)) break;
    strengths = next;
    value = nextValue;
  }
  const factor = cholesky(negativeHessian(strengths, comparisons, precision), items);
  return { strengths, standardErrors: inverseDiagonal(factor, items).map(Math.sqrt) };
}

const tolerance = 1e-10;
const maxIterations = 100;

function check({ i, j, preference, weight = 1 }: Comparison, index: number, items: number): void {
  const where = `bradleyTerry: comparison ${index}`;
  if (![i, j].every((item) => Number.isInteger(item) && item >= 0 && item < items) || i === j) {
    throw new RangeError(
      `${where} is between items ${i} and ${j}; expected two different indices in [0, ${items})`,
    );
  }
  if (!(preference >= 0 && preference <= 1)) {
    throw new RangeError(`${where} has preference ${preference}; expected a probability in [0, 1]`);
  }
  if (!(weight > 0 && Number.isFinite(weight))) {
    throw new RangeError(`${where} has weight ${weight}; expected a positive number`);
  }
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** log σ(logit) without overflow. */
function logSigmoid(logit: number): number {
  return Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));
}

function logPosterior(
  strengths: Float64Array,
  comparisons: readonly Comparison[],
  precision: number,
): number {
  let value = 0;
  for (const strength of strengths) value -= (precision * strength * strength) / 2;
  for (const { i, j, preference, weight = 1 } of comparisons) {
    const logit = (strengths[i] as number) - (strengths[j] as number);
    value += weight * (preference * logSigmoid(logit) + (1 - preference) * logSigmoid(-logit));
  }
  return value;
}

function gradient(
  strengths: Float64Array,
  comparisons: readonly Comparison[],
  precision: number,
): Float64Array {
  const result = strengths.map((strength) => -precision * strength);
  for (const { i, j, preference, weight = 1 } of comparisons) {
    const surprise = weight * (preference - sigmoid((strengths[i] as number) - (strengths[j] as number)));
    result[i] = (result[i] as number) + surprise;
    result[j] = (result[j] as number) - surprise;
  }
  return result;
}

/** −∇²L, items × items, row-major; only the lower triangle is filled. */
function negativeHessian(
  strengths: Float64Array,
  comparisons: readonly Comparison[],
  precision: number,
): Float64Array {
  const items = strengths.length;
  const matrix = new Float64Array(items * items);
  for (let item = 0; item < items; item++) matrix[item * items + item] = precision;
  for (const { i, j, weight = 1 } of comparisons) {
    const win = sigmoid((strengths[i] as number) - (strengths[j] as number));
    const information = weight * win * (1 - win);
    const mixed = Math.max(i, j) * items + Math.min(i, j);
    matrix[i * items + i] = (matrix[i * items + i] as number) + information;
    matrix[j * items + j] = (matrix[j * items + j] as number) + information;
    matrix[mixed] = (matrix[mixed] as number) - information;
  }
  return matrix;
}

/** The lower triangular factor of a positive definite matrix, in its place. */
function cholesky(matrix: Float64Array, size: number): Float64Array {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = matrix[row * size + column] as number;
      for (let k = 0; k < column; k++)
        rest -= (matrix[row * size + k] as number) * (matrix[column * size + k] as number);
      matrix[row * size + column] =
        row === column ? Math.sqrt(rest) : rest / (matrix[column * size + column] as number);
    }
  }
  return matrix;
}

/** Solves (factor · factorᵀ) x = right. */
function solve(factor: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const x = right.slice();
  for (let row = 0; row < size; row++) {
    let rest = x[row] as number;
    for (let k = 0; k < row; k++) rest -= (factor[row * size + k] as number) * (x[k] as number);
    x[row] = rest / (factor[row * size + row] as number);
  }
  for (let row = size - 1; row >= 0; row--) {
    let rest = x[row] as number;
    for (let k = row + 1; k < size; k++) rest -= (factor[k * size + row] as number) * (x[k] as number);
    x[row] = rest / (factor[row * size + row] as number);
  }
  return x;
}

/** The diagonal of (factor · factorᵀ)^−1. */
function inverseDiagonal(factor: Float64Array, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, item) => {
    const unit = new Float64Array(size);
    unit[item] = 1;
    return solve(factor, unit)[item] as number;
  });
}
