// Kendall's tau-b: rank agreement of two variables, corrected for ties.
// τ_b = (C − D) / √((P − T_x)(P − T_y)), with C and D the concordant and discordant pairs, P all pairs, and T_x and T_y the
// pairs tied in x and in y. Source: M. G. Kendall, "The treatment of ties in ranking problems", 1945.

/**
 * Tau-b in [−1, 1]. Looks at every pair: O(n²).
 * @returns undefined when one of the variables is constant (or there are fewer than two values)
 * @throws RangeError when the variables have different lengths
 */
export function kendallTauB(x: ArrayLike<number>, y: ArrayLike<number>): number | undefined {
  if (x.length !== y.length) {
    throw new RangeError(`kendallTauB: ${x.length} values against ${y.length}; expected as many of both`);
  }
  let balance = 0;
  let untiedX = 0;
  let untiedY = 0;
  for (let i = 0; i < x.length; i++) {
    for (let j = i + 1; j < x.length; j++) {
      const orderX = Math.sign((x[i] as number) - (x[j] as number));
      const orderY = Math.sign((y[i] as number) - (y[j] as number));
      balance += orderX * orderY;
      untiedX += Math.abs(orderX);
      untiedY += Math.abs(orderY);
    }
  }
  return untiedX > 0 && untiedY > 0 ? balance / Math.sqrt(untiedX * untiedY) : undefined;
}
