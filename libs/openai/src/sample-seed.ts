// A sample's seed on a server: a number of 31 bits, which every server takes, from what determines the sample's randomness.
import { seededRandom } from '@overtone/statistics';

/** The seed of one sample. Depends on nothing else, so that neither batching, order nor restarts change it. */
export function sampleSeed(seed: number, promptId: string, sampleIndex: number): number {
  return Math.floor(seededRandom('openai sample', seed, promptId, sampleIndex)() * 2 ** 31);
}
