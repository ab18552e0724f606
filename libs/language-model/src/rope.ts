// The angles of a rotary position embedding: how fast each pair of a head's coordinates turns.
import { type RopeConfig } from './rope-config.ts';

/** What positions are turned by. */
export interface RotaryFrequencies {
  /** Radians a position, of each pair: [headDim / 2]. */
  readonly inverseFrequencies: readonly number[];
  /** Multiplies cosines and sines; 1 but for YaRN. */
  readonly attentionFactor: number;
}

// Models were trained with angles computed in float32. At long positions the roundings show, so they are kept.
const f32 = Math.fround;

/** Su et al. 2021: theta^(−2i / headDim). */
function plainFrequencies(theta: number, headDim: number): number[] {
  return Array.from({ length: headDim / 2 }, (_, i) => f32(1 / f32(theta ** f32((2 * i) / headDim))));
}

/** Llama 3.1 (apply_scaling in Meta's reference implementation): low frequencies divided, high ones kept, a ramp between. */
function llama3Frequencies(rope: RopeConfig & { type: 'llama3' }, headDim: number): number[] {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original } = rope;
  return plainFrequencies(rope.theta, headDim).map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / highFreqFactor) return frequency;
    if (wavelength > original / lowFreqFactor) return f32(frequency / factor);
    const smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return f32(((1 - smooth) * frequency) / factor + smooth * frequency);
  });
}

/** YaRN (Peng et al. 2023, section 3.2, "NTK-by-parts"), with the bounds rounded as transformers does. */
function yarnFrequencies(rope: RopeConfig & { type: 'yarn' }, headDim: number): number[] {
  /** The pair that turns this often over the original context. */
  const pairOf = (rotations: number): number =>
    (headDim * Math.log(rope.originalMaxPositionEmbeddings / (rotations * 2 * Math.PI))) /
    (2 * Math.log(rope.theta));
  const [fast, slow] = [pairOf(rope.betaFast), pairOf(rope.betaSlow)];
  const low = Math.max(rope.truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(rope.truncate ? Math.ceil(slow) : slow, headDim - 1);
  const span = low === high ? 0.001 : high - low;
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const period = f32(rope.theta ** f32((2 * i) / headDim));
    const kept = f32(1 - Math.min(Math.max(f32((i - low) / span), 0), 1));
    return f32(f32(1 / f32(rope.factor * period)) * (1 - kept) + f32(1 / period) * kept);
  });
}

/** The frequencies of a rotary embedding for heads of `headDim` coordinates. */
export function rotaryFrequencies(rope: RopeConfig, headDim: number): RotaryFrequencies {
  switch (rope.type) {
    case 'default':
      return { inverseFrequencies: plainFrequencies(rope.theta, headDim), attentionFactor: 1 };
    case 'linear':
      // Chen et al. 2023, position interpolation: positions divided by the factor.
      return {
        inverseFrequencies: plainFrequencies(rope.theta, headDim).map((value) => f32(value / rope.factor)),
        attentionFactor: 1,
      };
    case 'llama3':
      return { inverseFrequencies: llama3Frequencies(rope, headDim), attentionFactor: 1 };
    case 'yarn':
      return {
        inverseFrequencies: yarnFrequencies(rope, headDim),
        attentionFactor: rope.attentionFactor,
      };
  }
}
