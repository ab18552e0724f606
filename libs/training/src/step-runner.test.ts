import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createObjective, type ObjectiveSpec } from './objective-spec.ts';
import { prepareTraining } from './prepare-training.ts';
import { referenceLogprobs } from './reference-logprobs.ts';
import { initialState, type TrainingOptions } from './run-training.ts';
import { createStepRunner, type StepResult } from './step-runner.ts';
import { OBJECTIVES, relativeDifference } from './train-step.fixture.ts';

const model = fileURLToPath(new URL('../../miniature/model', import.meta.url));
let folder = '';
let dataset = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-steps-'));
  dataset = join(folder, 'groups.jsonl');
  // Groups of different sizes, of solutions of different lengths.
  const groups = [3, 2, 4, 2, 3].map((count, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + ${index + 1}` }],
    solutions: Array.from({ length: count }, (_, place) => ({
      text: `${`${index} + ${place} = ${index + place}\n`.repeat(1 + ((index + place) % 3))}\\boxed{${place}}`,
      score: (place * 7 + index * 3) % 5,
    })),
  }));
  await writeFile(dataset, groups.map((group) => JSON.stringify(group)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One step on all groups. The first moment is a tenth of the gradient, unclipped. */
async function step(spec: ObjectiveSpec, microBatches: number): Promise<StepResult> {
  const options: TrainingOptions = {
    model,
    initializeSeed: 3,
    dataset,
    objective: createObjective(spec),
    lora: { r: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'] },
    optimizer: {
      learningRate: 1e-3,
      warmupRatio: 0,
      schedule: 'constant',
      weightDecay: 0,
      maxGradNorm: 0,
      beta1: 0.9,
      beta2: 0.999,
    },
    batching: { groupsPerStep: 5, steps: 1 },
    microBatches,
    seed: 1,
    maxLength: 96,
    snapshotEverySteps: 0,
  };
  const prepared = await prepareTraining(options);
  const { model: loaded, batch, runs, plan, weights, how } = prepared;
  const references = options.objective.needsReference
    ? await referenceLogprobs(
        { config: loaded.config, weights, batch, perToken: options.objective.needsTokens, how },
        runs,
      )
    : undefined;
  const runner = await createStepRunner(options, { prepared, references });
  try {
    const start = await initialState(options, prepared);
    // B starts at zero, where half of the adapter's gradient vanishes.
    const theta = start.theta.map((value, index) => value + 0.05 * Math.sin(index));
    return await runner.run(plan[0] ?? [], { ...start, theta }, 1e-3);
  } finally {
    await runner.dispose();
  }
}

describe('a step in three micro-batches', () => {
  for (const [name, spec] of Object.entries(OBJECTIVES)) {
    if (createObjective(spec).wholeBatch === true) {
      it(`is refused for ${name}, whose loss compares groups`, async () => {
        await expect(step(spec, 3)).rejects.toThrow(/micro_batches is 3, but the loss of .* set it to 1/);
      });
      continue;
    }
    it(`has the loss and the gradient of one batch to rounding: ${name}`, async () => {
      const [whole, parts] = [await step(spec, 1), await step(spec, 3)];
      expect(Math.hypot(...whole.next.first)).toBeGreaterThan(1e-5);
      expect(relativeDifference(parts.next.first, whole.next.first)).toBeLessThan(2e-5);
      expect(Object.keys(parts.metrics).sort()).toEqual(Object.keys(whole.metrics).sort());
      for (const metric of ['loss', 'grad_norm']) {
        const [one = NaN, other = NaN] = [whole.metrics[metric], parts.metrics[metric]];
        expect(Math.abs(other - one), metric).toBeLessThan(1e-5 * Math.max(1, Math.abs(one)));
      }
    });
  }
});
