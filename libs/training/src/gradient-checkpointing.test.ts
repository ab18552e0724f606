import '@tensorflow/tfjs-backend-cpu';
import { loraShapes } from '@overtone/language-model';
import { peakBytes, trace } from '@overtone/tensor';
import { describe, expect, it } from 'vitest';
import { layoutOf } from './layout.ts';
import { lora, prepareStep, relativeDifference, runEagerly, runTraced } from './train-step.fixture.ts';
import { lossAndGradient, stepInputs, type StepOptions } from './train-step.ts';

const HOW = { LoRA: lora, 'all parameters': undefined };
const SPECS = { sft: { type: 'sft', selection: 'all' }, dpo: { type: 'dpo', beta: 0.5 } } as const;

function activations(options: StepOptions): number {
  const graph = trace(stepInputs(options), (inputs) => {
    const { loss, gradient } = lossAndGradient(options, inputs);
    return { loss, gradient };
  });
  return peakBytes(graph).activations;
}

describe('gradient checkpointing', () => {
  for (const [name, spec] of Object.entries(SPECS)) {
    for (const [how, adapter] of Object.entries(HOW)) {
      it(`gives the loss and the gradient of ${name}, ${how}, traced and eager`, async () => {
        const { options, feeds } = prepareStep(spec, adapter);
        const kept = await runTraced({ options, feeds });
        const checkpointed = { options: { ...options, gradientCheckpointing: true }, feeds };
        for (const again of [await runTraced(checkpointed), runEagerly(checkpointed, 'cpu')]) {
          expect(again.loss).toBeCloseTo(kept.loss, 5);
          expect(relativeDifference(again.gradient, kept.gradient)).toBeLessThan(1e-5);
        }
        expect(Math.hypot(...kept.gradient)).toBeGreaterThan(1e-3);
      });
    }
  }

  it('takes memory for one layer instead of all', () => {
    const { options } = prepareStep(SPECS.sft, lora);
    const config = { ...options.config, numHiddenLayers: 8 };
    const deep = { ...options, config, layout: layoutOf(loraShapes(config, lora)) };
    expect(activations({ ...deep, gradientCheckpointing: true })).toBeLessThan(activations(deep) / 2);
  });
});
