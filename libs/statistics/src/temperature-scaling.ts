// Temperature scaling: one number by which log-odds are divided so that the probabilities they stand for are calibrated.
// With z the log-odds that were given to what turned out true, the slope s = 1 / T maximises Σ log σ(s z), which is
// concave in s. Source: C. Guo et al., "On calibration of modern neural networks", 2017.

/** Slopes outside are not told apart from these: predictions that were all right (or no better than chance) have no finite maximum. */
const [leastSlope, greatestSlope] = [0.01, 100];

/**
 * The maximum-likelihood temperature, within [0.01, 100]: above 1 for predictions that are too sure, at its upper end for
 * predictions that are no better than chance or worse, at its lower end for predictions that were all right.
 * @param logits log-odds given to the outcome that came true, one per prediction; negative where the prediction was wrong
 * @returns undefined without a prediction other than one half
 */
export function fitTemperature(logits: ArrayLike<number>): number | undefined {
  let informative = false;
  for (let index = 0; index < logits.length; index++) informative ||= logits[index] !== 0;
  if (!informative) return undefined;
  const slopeOf = (s: number): { first: number; second: number } => {
    let first = 0;
    let second = 0;
    for (let index = 0; index < logits.length; index++) {
      const z = logits[index] as number;
      const missed = 1 / (1 + Math.exp(s * z));
      first += z * missed;
      second -= z * z * missed * (1 - missed);
    }
    return { first, second };
  };
  let [low, high] = [leastSlope, greatestSlope];
  if (slopeOf(low).first <= 0) return 1 / low;
  if (slopeOf(high).first >= 0) return 1 / high;
  let s = 1;
  for (let iteration = 0; iteration < 200; iteration++) {
    const { first, second } = slopeOf(s);
    if (first > 0) low = s;
    else high = s;
    // Newton's step where it stays between what is known to be too small and too large, else their middle.
    const newton = second < 0 ? s - first / second : Number.NaN;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - s) <= 1e-13 * s) break;
    s = next;
  }
  return 1 / s;
}
