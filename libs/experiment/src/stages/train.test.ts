import { DpoLossType, SftSelection } from '@overtone/contracts';
import { describe, expect, it } from 'vitest';
import type { Objective } from '../config/schema.ts';
import { trainingKey, trainingSpec } from './train.ts';

const training = {
  lora: { r: 4, alpha: 8, targetModules: [] },
  optimizer: {
    learningRate: 1e-3,
    warmupRatio: 0.1,
    schedule: 'cosine' as const,
    weightDecay: 0,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.999,
  },
  steps: 10,
  groupsPerStep: 4,
  maxLength: 64,
};
const dataset = { sha256: 'd', mediaType: 'm' };

function specOf(objective: Objective) {
  return trainingSpec({
    model: '/models/m',
    dataset,
    objective,
    learningRate: 2e-3,
    seed: 7,
    engine: undefined,
  });
}
const keyOf = (objective: Objective) => trainingKey(specOf(objective), 'sha-of-model');

describe('what determines a training', () => {
  it('is what it was before objectives had settings for noisy labels, where they are at their defaults', () => {
    expect(keyOf({ type: 'dpo', beta: 5, ...training })).toEqual({
      model: 'sha-of-model',
      dataset: 'd',
      objective: { $case: 'dpo', value: { beta: 5 } },
      lora: training.lora,
      optimizer: { ...training.optimizer, learningRate: 2e-3, schedule: 1 },
      steps: 10,
      groupsPerStep: 4,
      tokensPerStep: 0,
      seed: 7,
      snapshotEverySteps: 0,
      maxLength: 64,
    });
    const rrhf = { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: false, ...training } as const;
    expect(keyOf({ ...rrhf, labelSmoothing: 0 })).toMatchObject({
      objective: { $case: 'rrhf', value: { rankWeight: 0.1, bradleyTerryWeights: false } },
    });
    expect(keyOf({ ...rrhf, labelSmoothing: 0 })).toEqual(keyOf(rrhf));
  });

  it('holds what was put into the objective', () => {
    const robust: Objective = { type: 'dpo', beta: 5, lossType: 'robust', labelSmoothing: 0.2, ...training };
    expect(keyOf(robust)).toMatchObject({
      objective: {
        value: { beta: 5, lossType: DpoLossType.DPO_LOSS_TYPE_ROBUST, labelSmoothing: 0.2 },
      },
    });
    const rrhf = {
      type: 'rrhf',
      rankWeight: 0.1,
      bradleyTerryWeights: true,
      labelSmoothing: 0.3,
      ...training,
    } as const;
    expect(keyOf(rrhf)).toMatchObject({ objective: { value: { labelSmoothing: 0.3 } } });
    expect(specOf({ type: 'sft', choose: 'weighted', ...training }).objective?.value).toEqual({
      selection: SftSelection.SFT_SELECTION_WEIGHTED,
    });
  });
});
