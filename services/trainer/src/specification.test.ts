import {
  DpoLossType,
  GrpoLossType,
  ImportanceSamplingLevel,
  Schedule,
  SftSelection,
  type TrainingSpec,
} from '@overtone/contracts';
import { describe, expect, it } from 'vitest';
import { parseSpecification } from './specification.ts';

type WireObjective = NonNullable<TrainingSpec['objective']>;

function parse(objective: WireObjective | undefined, change: Partial<TrainingSpec> = {}) {
  const spec: TrainingSpec = {
    model: 'm',
    dataset: { sha256: '0'.repeat(64), mediaType: 'application/jsonl' },
    objective,
    lora: undefined,
    optimizer: {
      learningRate: 1e-3,
      warmupRatio: 0,
      schedule: Schedule.SCHEDULE_COSINE,
      weightDecay: 0,
      maxGradNorm: 1,
      beta1: 0.9,
      beta2: 0.999,
    },
    steps: 1,
    groupsPerStep: 1,
    seed: 1,
    snapshotEverySteps: 0,
    maxLength: 8,
    tokensPerStep: 0,
    ...change,
  };
  return parseSpecification(spec).objective;
}

const grpo = {
  lossType: GrpoLossType.GRPO_LOSS_TYPE_RLOO,
  epsilon: 0.2,
  epsilonHigh: 0.3,
  beta: 0,
  maxCompletionLength: 64,
};

describe('the objective of a specification', () => {
  it('is read with its settings', () => {
    const sft = (selection: SftSelection, k?: number) => parse({ $case: 'sft', value: { selection, k } });
    expect(sft(SftSelection.SFT_SELECTION_TOP_K, 3)).toEqual({ type: 'sft', selection: 'top-k', k: 3 });
    expect(sft(SftSelection.SFT_SELECTION_TOP_K)).toEqual({ type: 'sft', selection: 'top-k', k: 2 });
    expect(sft(SftSelection.SFT_SELECTION_BEST)).toEqual({ type: 'sft', selection: 'best' });
    expect(
      parse({
        $case: 'dpo',
        value: { beta: 1, lossType: DpoLossType.DPO_LOSS_TYPE_IPO, labelSmoothing: 0, scoreMargin: 0.5 },
      }),
    ).toEqual({ type: 'dpo', beta: 1, lossType: 'ipo', labelSmoothing: 0, scoreMargin: 0.5 });
    expect(parse({ $case: 'plackettLuce', value: { beta: 2 } })).toEqual({ type: 'plackett-luce', beta: 2 });
    // A specification without a level is older than levels are, when each completion had one ratio.
    expect(parse({ $case: 'grpo', value: grpo })).toEqual({
      type: 'grpo',
      ...grpo,
      lossType: 'rloo',
      importanceSamplingLevel: 'sequence',
    });
    expect(
      parse({
        $case: 'grpo',
        value: {
          ...grpo,
          lossType: GrpoLossType.GRPO_LOSS_TYPE_DAPO,
          importanceSamplingLevel: ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_TOKEN,
        },
      }),
    ).toEqual({ type: 'grpo', ...grpo, lossType: 'dapo', importanceSamplingLevel: 'token' });
  });

  it('may continue from an adapter, but not train all parameters from one', () => {
    const sft: WireObjective = { $case: 'sft', value: { selection: SftSelection.SFT_SELECTION_BEST } };
    const adapter = { sha256: 'a'.repeat(64), mediaType: 'application/vnd.overtone.adapter' };
    const lora = { r: 1, alpha: 1, targetModules: [] };
    expect(parse(sft, { lora, initialAdapter: adapter, referenceAdapter: adapter }).type).toBe('sft');
    expect(() => parse(sft, { initialAdapter: adapter })).toThrow(/spec\.initial_adapter.*set lora/);
    expect(() => parse(sft, { lora, referenceAdapter: { ...adapter, sha256: '' } })).toThrow(
      /spec\.reference_adapter\.sha256/,
    );
  });

  const refused: readonly (readonly [RegExp, WireObjective | undefined])[] = [
    [/spec\.objective/, undefined],
    [/spec\.sft\.selection/, { $case: 'sft', value: { selection: 0 } }],
    [/spec\.sft\.k/, { $case: 'sft', value: { selection: SftSelection.SFT_SELECTION_TOP_K, k: 0 } }],
    [
      /spec\.dpo\.loss_type/,
      { $case: 'dpo', value: { beta: 1, lossType: 99 as DpoLossType, labelSmoothing: 0 } },
    ],
    [
      /spec\.dpo\.score_margin/,
      { $case: 'dpo', value: { beta: 1, lossType: 1, labelSmoothing: 0, scoreMargin: -1 } },
    ],
    [/spec\.simpo\.beta/, { $case: 'simpo', value: { beta: 0, simpoGamma: 1, labelSmoothing: 0 } }],
    [/spec\.simpo\.simpo_gamma/, { $case: 'simpo', value: { beta: 2, simpoGamma: NaN, labelSmoothing: 0 } }],
    [
      /spec\.simpo\.label_smoothing/,
      { $case: 'simpo', value: { beta: 2, simpoGamma: 1, labelSmoothing: 0.5 } },
    ],
    [/spec\.orpo\.beta/, { $case: 'orpo', value: { beta: -1 } }],
    [/spec\.kto\.beta/, { $case: 'kto', value: { beta: 0, desirableWeight: 1, undesirableWeight: 1 } }],
    [
      /spec\.kto\.desirable_weight/,
      { $case: 'kto', value: { beta: 1, desirableWeight: 0, undesirableWeight: 1 } },
    ],
    [
      /spec\.kto\.undesirable_weight/,
      { $case: 'kto', value: { beta: 1, desirableWeight: 1, undesirableWeight: Infinity } },
    ],
    [/spec\.plackett_luce\.beta/, { $case: 'plackettLuce', value: { beta: 0 } }],
    [/spec\.grpo\.loss_type/, { $case: 'grpo', value: { ...grpo, lossType: 99 as GrpoLossType } }],
    [
      /spec\.grpo\.importance_sampling_level: must be SEQUENCE with RLOO/,
      {
        $case: 'grpo',
        value: {
          ...grpo,
          importanceSamplingLevel: ImportanceSamplingLevel.IMPORTANCE_SAMPLING_LEVEL_TOKEN,
        },
      },
    ],
    [/spec\.grpo\.epsilon\b/, { $case: 'grpo', value: { ...grpo, epsilon: 1 } }],
    [/spec\.grpo\.epsilon_high/, { $case: 'grpo', value: { ...grpo, epsilonHigh: 0 } }],
    [/spec\.grpo\.beta/, { $case: 'grpo', value: { ...grpo, beta: -1 } }],
    [/spec\.grpo\.max_completion_length/, { $case: 'grpo', value: { ...grpo, maxCompletionLength: 0 } }],
  ];
  it.each(refused)('is refused by its field: %s', (field, objective) => {
    expect(() => parse(objective)).toThrow(field);
  });
});
