// Expected calibration error of two-way choices: how far confidence and accuracy are apart. Predictions are put into bins of
// equal width by their confidence, in [0.5, 1]; the error is Σ_bin (n_bin / n) |accuracy_bin − confidence_bin|.
// Source: M. P. Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015.

/** Sums over the predictions whose confidence lies in a bin: three numbers a bin, so that bins of samples add up. */
export interface CalibrationBins {
  /** Number of bins. */
  readonly bins: number;
  /** Per bin: predictions, their summed confidence, and how many were right. */
  readonly sums: Float64Array;
}

/** Empty bins. */
export function calibrationBins(bins = 10): CalibrationBins {
  return { bins, sums: new Float64Array(3 * bins) };
}

/** Adds a prediction: its confidence in [0.5, 1], and whether it was right. A bin holds its upper end; the first one also 0.5. */
export function addPrediction({ bins, sums }: CalibrationBins, confidence: number, right: boolean): void {
  // A confidence of 0.55 lies in the first of ten bins, however 0.55 − 0.5 is rounded.
  const bin = Math.max(0, Math.ceil((confidence - 0.5) * 2 * bins - 1e-9) - 1);
  sums[3 * bin] = (sums[3 * bin] as number) + 1;
  sums[3 * bin + 1] = (sums[3 * bin + 1] as number) + confidence;
  sums[3 * bin + 2] = (sums[3 * bin + 2] as number) + (right ? 1 : 0);
}

/**
 * The expected calibration error.
 * @param sums per bin: predictions, their summed confidence, and how many were right
 * @returns undefined without predictions
 */
export function expectedCalibrationError(sums: ArrayLike<number>): number | undefined {
  let total = 0;
  let apart = 0;
  for (let at = 0; at < sums.length; at += 3) {
    total += sums[at] as number;
    apart += Math.abs((sums[at + 2] as number) - (sums[at + 1] as number));
  }
  return total > 0 ? apart / total : undefined;
}
