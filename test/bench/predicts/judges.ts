// The judges of the sweep, from perfect to adversarial.
import type { Degradation } from './degraded-judge.ts';

/** Judges that are the rubric with a fault, by name. */
export const DEGRADED: Readonly<Record<string, Degradation>> = {
  perfect: {},
  // Preferences turned round by chance, pair by pair, and said with confidence.
  'flips-20': { flips: 0.2 },
  'flips-35': { flips: 0.35 },
  'flips-42': { flips: 0.42 },
  'flips-47': { flips: 0.47 },
  'flips-50': { flips: 0.5 },
  'flips-55': { flips: 0.55 },
  'flips-65': { flips: 0.65, confidence: 0.8 },
  reversed: { flips: 1 },
  'first-60': { first: 0.6, flips: 0.2 },
  'first-95': { first: 0.95, flips: 0.4 },
  'shorter-50': { criterion: 'shorter', share: 0.5 },
  'shorter-75': { criterion: 'shorter', share: 0.75 },
  shorter: { criterion: 'shorter' },
  longer: { criterion: 'longer' },
  'likes-regroup': { criterion: 'regroup' },
};

/** Judges that are the miniature after less pre-training, by name: its budget in tokens. The shipped one had 12 million. */
export const CHECKPOINTS: Readonly<Record<string, number>> = { 'weak-1M': 1e6, 'weak-3M': 3e6 };
