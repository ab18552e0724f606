import { describe, expect, it } from 'vitest';
import type { Objective } from '../config/schema.ts';
import { selectWeights, snapshotSteps } from './select.ts';

const objective: Objective = {
  type: 'dpo',
  beta: 5,
  lora: { r: 1, alpha: 1, targetModules: [] },
  optimizer: {
    learningRate: 3,
    warmupRatio: 0,
    schedule: 'constant',
    weightDecay: 0,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.999,
  },
  steps: 50,
  groupsPerStep: 1,
  maxLength: 10,
  selection: { snapshotEverySteps: 20, learningRates: [2, 1], scope: 'each-seed' },
};

const weights = { sha256: 'a', mediaType: 'b' };
const train = async (): Promise<{ step: number; weights: typeof weights }[]> =>
  snapshotSteps(objective).map((step) => ({ step, weights }));

describe('choosing weights on the development split', () => {
  it('leaves snapshots at every so many steps, and at the last', () => {
    expect(snapshotSteps(objective)).toEqual([20, 40, 50]);
    expect(snapshotSteps({ ...objective, steps: 40 })).toEqual([20, 40]);
    expect(snapshotSteps({ ...objective, selection: undefined })).toEqual([50]);
  });

  it('takes the best, and of equals the lower rate and the earlier step', async () => {
    const best = { objective, settled: undefined, train };
    const peak = await selectWeights({
      ...best,
      develop: async (_, rate, step) => (rate === 2 && step === 40 ? 0.9 : 0.5),
    });
    expect(peak).toMatchObject({ learningRate: 2, step: 40, development: 0.9 });
    const flat = await selectWeights({ ...best, develop: async () => 0.5 });
    expect(flat).toMatchObject({ learningRate: 1, step: 20, development: 0.5 });
  });

  it('takes the last step where nothing is chosen, and what was settled where it was', async () => {
    const develop = async (): Promise<number> => {
      throw new Error('nothing to develop');
    };
    const last = await selectWeights({
      objective: { ...objective, selection: undefined },
      settled: undefined,
      train,
      develop,
    });
    expect(last).toMatchObject({ learningRate: 3, step: 50, development: null });
    const settled = await selectWeights({
      objective,
      settled: { learningRate: 1, step: 40 },
      train,
      develop,
    });
    expect(settled).toMatchObject({ learningRate: 1, step: 40, development: null });
  });
});
