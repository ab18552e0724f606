import { hashKey } from '@overtone/artifacts';
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

  it('tells every objective and setting apart', () => {
    const grpo = { type: 'grpo', epsilon: 0.2, beta: 0, maxCompletionLength: 256, ...training } as const;
    const kto = { type: 'kto', beta: 0.1, desirableWeight: 1, undesirableWeight: 1, ...training } as const;
    const objectives: readonly Objective[] = [
      { type: 'sft', choose: 'best', ...training },
      { type: 'sft', choose: 'top-k', ...training },
      { type: 'sft', choose: 'top-k', k: 3, ...training },
      { type: 'dpo', beta: 5, ...training },
      { type: 'dpo', beta: 5, scoreMargin: 1, ...training },
      ...(['hinge', 'ipo', 'robust', 'sigmoid_norm'] as const).map((lossType): Objective => ({
        type: 'dpo',
        beta: 5,
        lossType,
        ...training,
      })),
      { type: 'simpo', beta: 2, simpoGamma: 1, ...training },
      { type: 'simpo', beta: 2, simpoGamma: 0, ...training },
      { type: 'orpo', beta: 5, ...training },
      { type: 'plackett-luce', beta: 5, ...training },
      kto,
      { ...kto, undesirableWeight: 2 },
      { ...grpo, lossType: 'grpo' },
      { ...grpo, lossType: 'rloo' },
      { ...grpo, lossType: 'dr_grpo' },
      { ...grpo, lossType: 'grpo', epsilonHigh: 0.3 },
      { ...grpo, lossType: 'grpo', beta: 0.04 },
      { ...grpo, lossType: 'dapo' },
      { ...grpo, lossType: 'bnpo' },
      { ...grpo, lossType: 'grpo', importanceSamplingLevel: 'sequence' },
      { ...grpo, lossType: 'grpo', importanceSamplingLevel: 'sequence', beta: 0.04 },
    ];
    expect(new Set(objectives.map((objective) => hashKey(keyOf(objective)))).size).toBe(objectives.length);
    expect(keyOf({ ...grpo, lossType: 'grpo', epsilonHigh: 0.2 })).toEqual(
      keyOf({ ...grpo, lossType: 'grpo' }),
    );
    // What ratios of sequences without a divergence always were.
    const sequences = { ...grpo, lossType: 'grpo', importanceSamplingLevel: 'sequence' } as const;
    expect(JSON.stringify(keyOf(sequences))).not.toContain('importanceSamplingLevel');
    expect(JSON.stringify(keyOf({ ...grpo, lossType: 'rloo' }))).not.toContain('importanceSamplingLevel');
    expect(keyOf({ type: 'sft', choose: 'best', ...training })).toMatchObject({
      objective: { $case: 'sft', value: { selection: SftSelection.SFT_SELECTION_BEST } },
    });
    expect(JSON.stringify(keyOf({ type: 'sft', choose: 'best', ...training }))).not.toContain('"k"');
    expect(JSON.stringify(keyOf({ type: 'dpo', beta: 5, ...training }))).not.toContain('scoreMargin');
  });
});
