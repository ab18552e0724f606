// Rotary frequencies of well-known configurations against those of transformers.
import { describe, expect, it } from 'vitest';
import { parseDecoderConfig, rotaryFrequencies } from '@overtone/language-model';
import { readFacts } from './reference.fixture.ts';

interface Rope {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inverseFrequencies: readonly number[];
  readonly attentionFactor: number;
}

describe('the rotary frequencies of transformers', async () => {
  for (const { name, config: json, inverseFrequencies, attentionFactor } of await readFacts<Rope[]>(
    'rope.json',
  )) {
    it(name, () => {
      const config = parseDecoderConfig(json);
      const ours = rotaryFrequencies(config.rope, config.headDim);
      expect(ours.attentionFactor).toBeCloseTo(attentionFactor, 12);
      expect(ours.inverseFrequencies).toHaveLength(inverseFrequencies.length);
      // At 100,000 positions, 3e-7 of the fastest frequencies would be 0.03 radians: equal to the last bits.
      for (const [index, frequency] of inverseFrequencies.entries())
        expect(Math.abs((ours.inverseFrequencies[index] ?? NaN) / frequency - 1)).toBeLessThan(2.5e-7);
    });
  }
});
