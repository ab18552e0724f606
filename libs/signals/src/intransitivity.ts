// Intransitivity: the share of triples among which a judge prefers in a circle, a over b over c over a.
import type { Preferences } from './preferences.ts';

/** Triples with three strict preferences, and how many of them are circles. */
export interface Triples {
  /** Triples of texts without a tie or a missing preference. */
  triples: number;
  /** Those that are circles. A judge that tosses coins makes one in four. */
  cycles: number;
}

/** Looks at every triple of distinct texts. */
export function countTriples(preferences: Preferences): Triples {
  let triples = 0;
  let cycles = 0;
  for (let a = 0; a < preferences.size; a++) {
    for (let b = a + 1; b < preferences.size; b++) {
      const ab = Math.sign(preferences.advantage(a, b) ?? 0);
      if (ab === 0) continue;
      for (let c = b + 1; c < preferences.size; c++) {
        const bc = Math.sign(preferences.advantage(b, c) ?? 0);
        const ca = Math.sign(preferences.advantage(c, a) ?? 0);
        if (bc === 0 || ca === 0) continue;
        triples++;
        if (ab === bc && bc === ca) cycles++;
      }
    }
  }
  return { triples, cycles };
}
