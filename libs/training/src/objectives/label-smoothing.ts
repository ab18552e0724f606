// Label smoothing: the probability that a preference is the wrong way round, as objectives take it.

/** Checks it. Throws a RangeError unless it lies in [0, 0.5): at one half a preference says nothing. */
export function checkLabelSmoothing(labelSmoothing: number): number {
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5))
    throw new RangeError(
      `label smoothing must lie in [0, 0.5), got ${labelSmoothing}; a signal that is wrong half of the time has nothing to teach`,
    );
  return labelSmoothing;
}
