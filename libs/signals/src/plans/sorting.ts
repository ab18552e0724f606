// Sorting: a merge sort, bottom up, whose comparisons are the judge's. A plan keeps nothing between two calls: the sort is run
// from its start with the verdicts there are, and where one is missing, that pair is asked for. All merges of a level wait
// for their next verdict at the same time, so that a level asks for a pair a merge at once.
import type { Plan, Standing, TextPair } from './standing.ts';

/** At most n⌈log₂ n⌉ − 2^⌈log₂ n⌉ + 1 pairs: it is done when the texts are sorted, whatever the budget. */
export const sorting: Plan = {
  budget(size) {
    const levels = Math.ceil(Math.log2(size));
    return size < 2 ? 0 : size * levels - 2 ** levels + 1;
  },
  next(standing) {
    let runs: (readonly number[])[] = standing.order.map((text) => [text]);
    while (runs.length > 1) {
      const merged: (readonly number[])[] = [];
      const missing: TextPair[] = [];
      for (let at = 0; at < runs.length; at += 2) {
        const result = merge(standing, runs[at] ?? [], runs[at + 1] ?? []);
        merged.push(result.run);
        if (result.missing !== undefined) missing.push(result.missing);
      }
      if (missing.length > 0) return missing;
      runs = merged;
    }
    return [];
  },
};

/** Merges two sorted runs, best first, or says which verdict that takes next. Ties leave the left run's text before. */
function merge(
  { preferences, wasAsked }: Standing,
  left: readonly number[],
  right: readonly number[],
): { run: readonly number[]; missing?: TextPair } {
  const run: number[] = [];
  let [l, r] = [0, 0];
  for (;;) {
    const [a, b] = [left[l], right[r]];
    if (a === undefined || b === undefined) return { run: [...run, ...left.slice(l), ...right.slice(r)] };
    if (!wasAsked(a, b)) return { run, missing: [a, b] };
    if ((preferences.advantage(a, b) ?? 0) >= 0) {
      run.push(a);
      l++;
    } else {
      run.push(b);
      r++;
    }
  }
}
