// The random control: a signal that knows nothing. What training on it gives is the share of a gain that no signal earned.
import { seededRandom } from '@overtone/statistics';
import type { Group } from './group.ts';
import type { TextScore } from './text-score.ts';

/** Uniform in [0, 1) from the seed, the problem's id and the text, whatever the order of the solutions. */
export function randomScore({ problemId, texts }: Group, seed: number): TextScore[] {
  return texts.map(({ text }) => ({
    score: seededRandom('random-signal', seed, problemId, text)(),
    standardError: 0,
  }));
}
