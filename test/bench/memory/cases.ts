// The cases whose memory is predicted and measured.
import { type ObjectiveSpec } from '@overtone/training';
import { type Precision } from '@overtone/tensor';
import { type LargeShape, type Shape } from '../shapes.ts';

/** A training step on sequences that are all as long as they may be. */
export interface TrainingCase {
  readonly kind: 'training';
  /** Sequences of a step. */
  readonly sequences: number;
  /** Tokens of a sequence; a quarter of them is the prompt. */
  readonly length: number;
  readonly objective: ObjectiveSpec;
  /** Sequences of a question. */
  readonly solutions: number;
  /** An adapter, or all parameters. */
  readonly trained: 'adapter' | 'parameters';
  readonly precision: Precision;
  readonly steps: number;
}

/** Sampling, and scoring what was sampled. */
export interface SamplingCase {
  readonly kind: 'sampling';
  readonly workers: number;
  /** Samples that each worker decodes at once. */
  readonly slots: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly precision: Precision;
}

/** What one process is asked to do. */
export type MemoryCase = { readonly name: string; readonly model: Shape | LargeShape } & (
  TrainingCase | SamplingCase
);

const OBJECTIVES = {
  sft: { objective: { type: 'sft', selection: 'all' }, solutions: 1 },
  dpo: { objective: { type: 'dpo', beta: 0.1 }, solutions: 2 },
  rrhf: { objective: { type: 'rrhf', rankWeight: 1, bradleyTerryWeights: false }, solutions: 4 },
} as const satisfies Record<string, Pick<TrainingCase, 'objective' | 'solutions'>>;

function training(
  model: Shape | LargeShape,
  objective: keyof typeof OBJECTIVES,
  sequences: number,
  length: number,
  trained: TrainingCase['trained'] = 'adapter',
  precision: Precision = 'float32',
): MemoryCase {
  const on = precision === 'float32' ? '' : ` on ${precision}`;
  const what = trained === 'adapter' ? `LoRA${on}` : 'all parameters';
  const name = `${model} ${objective} ${sequences} × ${length}, ${what}`;
  return {
    name,
    model,
    kind: 'training',
    sequences,
    length,
    trained,
    precision,
    steps: model === 'miniature' ? 6 : 2,
    ...OBJECTIVES[objective],
  };
}

function sampling(
  model: Shape | LargeShape,
  workers: number,
  slots: number,
  promptTokens: number,
  newTokens: number,
  precision: Precision = 'float32',
): MemoryCase {
  const kind = precision === 'float32' ? 'sampling' : `sampling in ${precision}`;
  const name = `${model} ${kind}, ${workers} × batch ${slots}, ${promptTokens} + ${newTokens} tokens`;
  return { name, model, kind: 'sampling', workers, slots, promptTokens, newTokens, precision };
}

/** All cases; a step or two of each. */
export const CASES: readonly MemoryCase[] = [
  training('miniature', 'sft', 32, 128),
  training('miniature', 'dpo', 32, 128),
  training('miniature', 'sft', 32, 128, 'parameters'),
  sampling('miniature', 2, 64, 32, 96),
  ...(['sft', 'dpo', 'rrhf'] as const).flatMap((objective) => [
    training('smollm2-135m', objective, 4, 256),
    training('smollm2-135m', objective, 8, 512),
  ]),
  sampling('smollm2-135m', 1, 8, 64, 64),
  sampling('smollm2-135m', 1, 64, 64, 64),
  sampling('smollm2-135m', 2, 64, 64, 64),
  sampling('smollm2-135m', 1, 8, 64, 64, 'int8'),
  sampling('smollm2-135m', 2, 64, 64, 64, 'int8'),
  training('smollm2-135m', 'sft', 8, 512, 'adapter', 'int8'),
  training('qwen3-0.6b', 'sft', 2, 256),
  training('qwen3-0.6b', 'sft', 2, 256, 'adapter', 'int8'),
  sampling('qwen3-0.6b', 1, 8, 64, 32),
  sampling('qwen3-0.6b', 1, 8, 64, 32, 'int8'),
  training('qwen3-1.7b', 'sft', 1, 512),
  training('qwen3-1.7b', 'sft', 1, 512, 'adapter', 'int8'),
  sampling('qwen3-1.7b', 1, 4, 64, 32),
  sampling('qwen3-1.7b', 1, 4, 64, 32, 'int8'),
];
