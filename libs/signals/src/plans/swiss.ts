// Swiss: rounds in which every text meets one that has won about as often so far and that it has not met. After the first,
// a round compares like with like, which is where the order is still open.
import type { Plan, Standing, TextPair } from './standing.ts';

/** One round at a time; ⌈log₂ n⌉ rounds of ⌊n/2⌋ pairs unless a budget says otherwise. */
export const swiss: Plan = {
  budget: (size) => (size < 2 ? 0 : Math.ceil(Math.log2(size)) * Math.floor(size / 2)),
  next(standing) {
    const points = pointsOf(standing);
    // The sort is stable: among equals the seed's order stays.
    const waiting = standing.order.toSorted((a, b) => (points[b] ?? 0) - (points[a] ?? 0));
    const pairs: TextPair[] = [];
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const text = first;
      const at = waiting.findIndex((other) => !standing.wasAsked(text, other));
      const [other] = at < 0 ? [] : waiting.splice(at, 1);
      if (other !== undefined) pairs.push([text, other]);
    }
    return pairs;
  },
};

/** 1 for a win, one half for a tie and for an unreadable verdict. */
function pointsOf({ size, preferences, wasAsked }: Standing): Float64Array {
  const points = new Float64Array(size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size; b++) {
      if (a === b || !wasAsked(a, b)) continue;
      points[a] = (points[a] ?? 0) + (Math.sign(preferences.advantage(a, b) ?? 0) + 1) / 2;
    }
  }
  return points;
}
