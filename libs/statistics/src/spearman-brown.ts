// Spearman–Brown: the reliability of a whole test from the correlation of its two halves, 2r / (1 + r).
// Source: C. Spearman and W. Brown, both 1910. Halves that do not correlate positively say nothing about more of the same:
// r is then left as it is.

/** The stepped-up reliability of a correlation between halves in [−1, 1]. */
export function spearmanBrown(halves: number): number {
  return halves > 0 ? (2 * halves) / (1 + halves) : halves;
}
