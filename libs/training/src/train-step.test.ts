import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  differing,
  type Group,
  lora,
  type LossAndGradient,
  OBJECTIVES,
  prepareStep,
  relativeDifference,
  runEagerly,
  runTraced,
} from './train-step.fixture.ts';

const HOW = { LoRA: lora, 'all parameters': undefined };

describe('the traced gradient equals the eager one of the cpu backend to 1e-4', () => {
  for (const [name, spec] of Object.entries(OBJECTIVES)) {
    for (const [how, adapter] of Object.entries(HOW)) {
      it(`${name}, ${how}`, async () => {
        const step = prepareStep(spec, adapter);
        const traced = await runTraced(step);
        const eager = runEagerly(step, 'cpu');
        expect(Math.hypot(...eager.gradient)).toBeGreaterThan(1e-3);
        expect(relativeDifference(traced.gradient, eager.gradient)).toBeLessThan(1e-4);
        expect(Math.abs(traced.loss - eager.loss) / Math.abs(eager.loss)).toBeLessThan(1e-4);
      });
    }
  }
});

describe('the gradient in half precision equals that in float32 to 1 %, the loss to 0.1 %, of ratios of probabilities to 0.5 %', () => {
  for (const [name, spec] of Object.entries(OBJECTIVES)) {
    const tolerance = spec.type === 'grpo' ? 5e-3 : 1e-3;
    for (const [how, adapter] of Object.entries(HOW)) {
      it(`${name}, ${how}`, async () => {
        const step = prepareStep(spec, adapter);
        const [half, full] = [await runTraced(step, { precision: 'float16' }), await runTraced(step)];
        const difference = relativeDifference(half.gradient, full.gradient);
        expect(difference).toBeLessThan(1e-2);
        // It is half precision, not float32 by another name.
        expect(difference).toBeGreaterThan(1e-6);
        expect(Math.abs(half.loss - full.loss) / Math.abs(full.loss)).toBeLessThan(tolerance);
      });
    }
  }
});

describe('the prompt that the solutions of a group share', () => {
  const groups = differing.map((group, index): Group => {
    const prompt = Array.from({ length: 9 }, (_, at) => (at * 5 + index) % 19);
    return {
      ...group,
      sequences: group.sequences.map(({ tokens }) => ({
        tokens: Int32Array.from([...prompt, ...tokens.subarray(3)]),
        promptLength: prompt.length,
      })),
    };
  });

  async function computed(rowLength: number): Promise<LossAndGradient & { tokens: number }> {
    const spec = { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true } as const;
    const step = prepareStep(spec, lora, groups, rowLength);
    const trees = Array.from(step.feeds['trees']?.data as Int32Array);
    return { ...(await runTraced(step)), tokens: trees.filter((tree) => tree > 0).length };
  }

  it('is computed once, to the same loss and gradient', async () => {
    const longest = Math.max(
      ...groups.flatMap(({ sequences }) => sequences.map(({ tokens }) => tokens.length)),
    );
    const apart = await computed(longest);
    const together = await computed(8 * longest);
    expect(together.tokens).toBeLessThan(0.7 * apart.tokens);
    expect(together.loss).toBeCloseTo(apart.loss, 5);
    expect(relativeDifference(together.gradient, apart.gradient)).toBeLessThan(1e-5);
  });
});
