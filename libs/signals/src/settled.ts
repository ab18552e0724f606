// Settled values: values that differ only in how they were rounded are made equal. A Bradley–Terry fit stops when its steps are
// small, so that two texts with the same verdicts may end a hair apart; ranks must not be made of that.

/** The values, to a billionth of the largest magnitude among them. */
export function settled(values: readonly number[]): number[] {
  const step = Math.max(...values.map(Math.abs)) * 1e-9;
  return step > 0 ? values.map((value) => Math.round(value / step) * step) : [...values];
}
