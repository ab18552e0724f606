// Partial correlation: how far x and y go together beyond what z, which goes with both, explains.
// r_xy·z = (r_xy − r_xz r_yz) / √((1 − r_xz²)(1 − r_yz²)); the same formula gives Kendall's partial tau from taus.
// Source: M. G. Kendall, "Partial rank correlation", 1942.

/** The correlation of x and y given z. @returns undefined when z is perfectly correlated with x or y */
export function partialCorrelation(xy: number, xz: number, yz: number): number | undefined {
  const rest = (1 - xz * xz) * (1 - yz * yz);
  // Correlations that should be ±1 are so but for rounding.
  if (!(rest > 1e-12)) return undefined;
  return Math.max(-1, Math.min(1, (xy - xz * yz) / Math.sqrt(rest)));
}
