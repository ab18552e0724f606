import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attenuate, type AttenuatingCard, scoreTemperature } from './attenuation.ts';
import type { Objective } from './config/schema.ts';

const options = {
  lora: { r: 1, alpha: 1, targetModules: [] },
  optimizer: {
    learningRate: 1e-3,
    warmupRatio: 0,
    schedule: 'constant' as const,
    weightDecay: 0,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.999,
  },
  steps: 10,
  groupsPerStep: 4,
  maxLength: 10,
};
const sft: Objective = { type: 'sft', choose: 'best', ...options };
const dpo: Objective = { type: 'dpo', beta: 5, ...options };
const rrhf: Objective = { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true, ...options };

const measured = (value: number): AttenuatingCard['flipRate'] => ({
  value,
  ci95: [value - 0.1, value + 0.1],
});
const cardThat = (change: Partial<AttenuatingCard> = {}): AttenuatingCard => ({
  name: 's',
  recommendation: 'attenuate',
  reason: 'because',
  flipRate: measured(0.2),
  bestWorstFlipRate: null,
  ...change,
});
const scores = [
  [0, 1, 3],
  [2, 2, 5, 1],
];

/** Softmax weights of scores at a temperature. */
function weights(group: readonly number[], temperature: number): number[] {
  const largest = Math.max(...group);
  const terms = group.map((score) => Math.exp((score - largest) / temperature));
  const sum = terms.reduce((total, term) => total + term, 0);
  return terms.map((term) => term / sum);
}

describe('an arm that follows the signal card', () => {
  it('trains as it is where the card says use, and not at all where it says do not', () => {
    expect(attenuate(sft, cardThat({ recommendation: 'use' }), scores)).toEqual({ kind: 'as-is' });
    const never = cardThat({ recommendation: 'do not train' });
    expect(attenuate(dpo, never, scores)).toEqual({ kind: 'not-trained', reason: 'because' });
  });

  it('puts the flip rate where each objective takes it, that of best against worst into DPO', () => {
    const card = cardThat({ bestWorstFlipRate: measured(0.12345678) });
    const simpo: Objective = { type: 'simpo', beta: 2, simpoGamma: 1, ...options };
    expect(attenuate(simpo, card, scores)).toMatchObject({
      flipRate: 0.1235,
      objective: { ...simpo, labelSmoothing: 0.1235 },
      temperature: undefined,
    });
    expect(() => attenuate({ type: 'orpo', beta: 0.1, ...options }, card, scores)).toThrow(
      /nothing in orpo takes its flip rate; use sft, dpo, rrhf, simpo/,
    );
    expect(attenuate(dpo, card, scores)).toMatchObject({
      flipRate: 0.1235,
      objective: { type: 'dpo', labelSmoothing: 0.1235 },
      temperature: undefined,
    });
    expect(attenuate(dpo, cardThat(), scores)).toMatchObject({ flipRate: 0.2 });
    const temperature = scoreTemperature(scores, 0.8);
    expect(attenuate(rrhf, card, scores)).toMatchObject({
      objective: { type: 'rrhf', labelSmoothing: 0.2 },
      temperature,
    });
    expect(attenuate(sft, card, scores)).toMatchObject({ objective: { choose: 'weighted' }, temperature });
  });

  it('keeps flip rates where objectives are defined', () => {
    for (const [value, put] of [
      [0, 0.001],
      [0.8, 0.49],
    ] as const)
      expect(attenuate(dpo, cardThat({ flipRate: measured(value) }), scores)).toMatchObject({
        flipRate: put,
      });
  });

  it('says what is missing', () => {
    expect(() => attenuate(dpo, cardThat({ flipRate: null }), scores)).toThrow(
      /signal "s".*no flip rate; add an "audit"/,
    );
    expect(() => attenuate(sft, cardThat({ recommendation: null }), scores)).toThrow(
      /no recommendation for signal "s"/,
    );
  });
});

describe('the temperature of scores', () => {
  const group = fc.array(
    fc.integer({ min: -5000, max: 5000 }).map((value) => value / 100),
    { minLength: 2, maxLength: 8 },
  );
  const accuracy = fc.double({ min: 0.52, max: 0.99, noNaN: true });

  it('makes scores claim as much as they are right, in whatever unit they are', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 6 }), accuracy, (groups, right) => {
        const differences = groups.flatMap((values) =>
          values.flatMap((one, i) => values.slice(i + 1).map((other) => Math.abs(one - other))),
        );
        const differing = differences.filter((difference) => difference > 0);
        fc.pre(differing.length > 0);
        const temperature = scoreTemperature(groups, right);
        const claims = differing.map((difference) => 1 / (1 + Math.exp(-difference / temperature)));
        expect(claims.reduce((sum, claim) => sum + claim, 0) / claims.length).toBeCloseTo(right, 3);
        const scaled = scoreTemperature(
          groups.map((values) => values.map((value) => 1000 * value)),
          right,
        );
        expect(scaled / temperature / 1000).toBeCloseTo(1, 3);
      }),
      { numRuns: 50 },
    );
  });

  it('weighs solutions alike for a signal without merit, and the best alone for one without fault', () => {
    const values = [-3, 0, 1, 4];
    const blunt = weights(values, scoreTemperature([values], 0.5001));
    for (const weight of blunt) expect(weight).toBeCloseTo(0.25, 3);
    const sharp = weights(values, scoreTemperature([values], 0.999));
    expect(sharp[3]).toBeGreaterThan(0.99);
    expect(scoreTemperature([[1, 1]], 0.7)).toBe(1);
  });
});
