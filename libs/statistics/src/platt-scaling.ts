// Platt scaling: calibrated log-odds are bias + slope × log-odds, fitted by maximum likelihood: a logistic regression with
// one variable. Newton's method with step halving. Source: J. Platt, "Probabilistic outputs for support vector machines",
// 1999, without his smoothing of the targets.

/** A fitted map of log-odds. */
export interface PlattScaling {
  /** Log-odds where the prediction's are 0. */
  bias: number;
  /** What the prediction's log-odds count. */
  slope: number;
}

/** Where outcomes can be separated, the likelihood has no finite maximum: the climb ends at this. */
const largest = 100;

/**
 * The maximum-likelihood bias and slope.
 * @param logits log-odds of the predictions
 * @param outcomes for each, 1 when it came true, 0 when it did not
 * @returns undefined without predictions that differ from each other
 * @throws RangeError when there are not as many outcomes as predictions
 */
export function fitPlatt(logits: ArrayLike<number>, outcomes: ArrayLike<number>): PlattScaling | undefined {
  if (logits.length !== outcomes.length) {
    throw new RangeError(
      `fitPlatt: ${logits.length} predictions, ${outcomes.length} outcomes; expected as many of both`,
    );
  }
  let varied = false;
  for (let index = 1; index < logits.length; index++) varied ||= logits[index] !== logits[0];
  if (!varied) return undefined;

  const likelihood = (bias: number, slope: number): number => {
    let sum = 0;
    for (let index = 0; index < logits.length; index++) {
      const toward = (bias + slope * (logits[index] as number)) * (outcomes[index] === 1 ? 1 : -1);
      sum += Math.min(toward, 0) - Math.log1p(Math.exp(-Math.abs(toward)));
    }
    return sum;
  };
  let [bias, slope] = [0, 1];
  let value = likelihood(bias, slope);
  for (let iteration = 0; iteration < 100; iteration++) {
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (let index = 0; index < logits.length; index++) {
      const x = logits[index] as number;
      const p = 1 / (1 + Math.exp(-(bias + slope * x)));
      const rest = (outcomes[index] as number) - p;
      const weight = p * (1 - p);
      g0 += rest;
      g1 += rest * x;
      h00 += weight;
      h01 += weight * x;
      h11 += weight * x * x;
    }
    const determinant = h00 * h11 - h01 * h01;
    if (!(determinant > 0)) break;
    const step0 = (h11 * g0 - h01 * g1) / determinant;
    const step1 = (h00 * g1 - h01 * g0) / determinant;
    let scale = 1;
    let next = likelihood(bias + step0, slope + step1);
    // Near the maximum a step gains less than the rounding of the sum; it must not be refused for that.
    while (next < value - 1e-12 * (1 + Math.abs(value)) && scale > 1e-8) {
      scale /= 2;
      next = likelihood(bias + scale * step0, slope + scale * step1);
    }
    bias += scale * step0;
    slope += scale * step1;
    value = next;
    if (Math.abs(step0) + Math.abs(step1) < 1e-13 * (1 + Math.abs(bias) + Math.abs(slope))) break;
    if (Math.abs(bias) > largest || Math.abs(slope) > largest) {
      const clamp = (x: number): number => Math.max(-largest, Math.min(largest, x));
      return { bias: clamp(bias), slope: clamp(slope) };
    }
  }
  return { bias, slope };
}
