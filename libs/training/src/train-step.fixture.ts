// A small training step of every objective, with what it is fed: run traced, and eagerly on any backend of TensorFlow.js.
import * as tf from '@tensorflow/tfjs-core';
import {
  initialAdapter,
  initialParameters,
  type LoraConfig,
  loraShapes,
  parameterSpecs,
  parseDecoderConfig,
  PROJECTIONS,
} from '@overtone/language-model';
import { seededRandom } from '@overtone/statistics';
import { float32, hostTensor, type HostTensor, Program, type ProgramOptions, trace } from '@overtone/tensor';
import { joinVector, layoutOf } from './layout.ts';
import { createObjective, type ObjectiveSpec } from './objective-spec.ts';
import { batchShape, packBatch } from './packing.ts';
import { lossAndGradient, stepInputs, type StepOptions } from './train-step.ts';
import { type Sequence } from './sequence.ts';

const config = parseDecoderConfig({
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 19,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  initializer_range: 0.3,
});
/** An adapter of every projection. */
export const lora: LoraConfig = { r: 4, alpha: 8, targetModules: [...PROJECTIONS] };
const parameters = initialParameters(config, 1);

/** Solutions of one question. */
export type Group = {
  readonly id: string;
  readonly scores: readonly number[];
  readonly sequences: readonly Sequence[];
};

/** Three groups of solutions of different lengths, with scores that rank them. */
export const differing = [3, 2, 4].map((count, group): Group => ({
  id: `g${group}`,
  scores: Array.from({ length: count }, (_, index) => ((index * 7 + group * 3) % 5) / 2),
  sequences: Array.from({ length: count }, (_, index): Sequence => {
    const random = seededRandom('sequence', group, index);
    return {
      tokens: Int32Array.from({ length: 6 + ((group + 2 * index) % 7) }, () => Math.floor(random() * 19)),
      promptLength: 3,
    };
  }),
}));

/** A step on the three groups, and what it is fed. */
export function prepareStep(
  spec: ObjectiveSpec,
  adapter: LoraConfig | undefined,
  groups = differing,
  rowLength?: number,
): { options: StepOptions; feeds: Record<string, HostTensor> } {
  const objective = createObjective(spec);
  const examples = groups.flatMap((group) => {
    const example = objective.example(group, seededRandom(group.id));
    return example
      ? [{ ...example, sequences: example.solutions.flatMap((index) => group.sequences[index] ?? []) }]
      : [];
  });
  const sequences = examples.flatMap((example) => example.sequences);
  const shape = batchShape([sequences]);
  const batch = rowLength === undefined ? shape : { ...shape, length: rowLength, rows: sequences.length };
  const layout = layoutOf(
    adapter
      ? loraShapes(config, adapter)
      : [...parameterSpecs(config)].map(([name, { shape }]) => [name, shape] as const),
  );
  const vector = (data: Float32Array): HostTensor =>
    hostTensor({ dtype: 'float32', shape: [data.length] }, data);
  const scalar = (value: number): HostTensor =>
    hostTensor({ dtype: 'float32', shape: [] }, Float32Array.of(value));
  const theta = joinVector(layout, adapter ? initialAdapter(config, adapter, 2) : parameters);
  // B starts at zero, where half of the adapter's gradient vanishes: compare at a point where it does not.
  const shaken = theta.map((value, index) => value + 0.05 * Math.sin(index));
  const options: StepOptions = {
    config,
    lora: adapter,
    layout,
    objective,
    batch,
    optimizer: { beta1: 0.9, beta2: 0.999, weightDecay: 0.1, maxGradNorm: 1 },
  };
  const ofTokens = (middle: number, seed: number): Float32Array => {
    const random = seededRandom('tokens', seed);
    return Float32Array.from({ length: batch.targets }, () => middle + 3 * (random() - 0.5));
  };
  const feeds = {
    ...Object.fromEntries(
      [...parameters].map(([name, { shape, data }]) => [name, hostTensor({ dtype: 'float32', shape }, data)]),
    ),
    ...packBatch(sequences, batch),
    ...Object.fromEntries(
      objective.coefficients.map((name) => [
        `coefficient.${name}`,
        vector(Float32Array.from(examples.flatMap((example) => example.coefficients[name] ?? []))),
      ]),
    ),
    theta: vector(shaken),
    first: vector(new Float32Array(layout.size)),
    second: vector(new Float32Array(layout.size)),
    reference: vector(Float32Array.from(sequences, (_, index) => -8 - index)),
    // Near what the model says, so that some ratios lie within the clip range and some outside.
    ...(objective.needsTokens === true
      ? {
          token_reference: vector(ofTokens(-2.9, 3)),
          token_old: vector(ofTokens(-3, 11)),
        }
      : {}),
    groups: scalar(examples.length),
    learning_rate: scalar(1e-3),
    correction1: scalar(0.1),
    correction2: scalar(0.001),
  };
  return { options, feeds };
}

/** All objectives. */
export const OBJECTIVES: Record<string, ObjectiveSpec> = {
  'sft all': { type: 'sft', selection: 'all' },
  'sft best': { type: 'sft', selection: 'best' },
  'sft random': { type: 'sft', selection: 'random' },
  'sft weighted': { type: 'sft', selection: 'weighted' },
  'sft top-k': { type: 'sft', selection: 'top-k', k: 2 },
  dpo: { type: 'dpo', beta: 0.5 },
  'dpo smoothed': { type: 'dpo', beta: 0.5, labelSmoothing: 0.2 },
  'dpo robust': { type: 'dpo', beta: 0.5, lossType: 'robust', labelSmoothing: 0.2 },
  'dpo hinge': { type: 'dpo', beta: 0.5, lossType: 'hinge' },
  'dpo ipo': { type: 'dpo', beta: 0.5, lossType: 'ipo' },
  'dpo sigmoid_norm': { type: 'dpo', beta: 0.5, lossType: 'sigmoid_norm' },
  'dpo with a score margin': { type: 'dpo', beta: 0.5, labelSmoothing: 0.1, scoreMargin: 0.3 },
  simpo: { type: 'simpo', beta: 2, simpoGamma: 1, labelSmoothing: 0.1 },
  orpo: { type: 'orpo', beta: 0.5 },
  kto: { type: 'kto', beta: 0.1, desirableWeight: 1, undesirableWeight: 1.5 },
  'plackett-luce': { type: 'plackett-luce', beta: 0.1 },
  dapo: { type: 'grpo', beta: 0.04, epsilonHigh: 0.28 },
  grpo: { type: 'grpo', lossType: 'grpo', beta: 0.04 },
  gspo: { type: 'grpo', lossType: 'grpo', importanceSamplingLevel: 'sequence', beta: 0.04 },
  rloo: { type: 'grpo', lossType: 'rloo' },
  dr_grpo: { type: 'grpo', lossType: 'dr_grpo', beta: 0.04 },
  rrhf: { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: false },
  'rrhf-bt': { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true },
  'rrhf-bt smoothed': { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true, labelSmoothing: 0.2 },
};

/** A loss and its gradient over the flat vector. */
export interface LossAndGradient {
  readonly loss: number;
  readonly gradient: Float32Array;
}

/** What a step is, and what it is fed. */
export type PreparedStep = ReturnType<typeof prepareStep>;

/** Runs a step as a traced program. */
export async function runTraced(
  { options, feeds }: PreparedStep,
  how: ProgramOptions = {},
): Promise<LossAndGradient> {
  const program = await Program.compile(
    trace(stepInputs(options), (inputs) => {
      const { loss, gradient } = lossAndGradient(options, inputs);
      return { loss, gradient };
    }),
    how,
  );
  const { loss, gradient } = await program.run(feeds);
  await program.dispose();
  if (!loss || !gradient) throw new Error('The step returned no loss or no gradient');
  return { loss: float32(loss)[0] ?? NaN, gradient: float32(gradient) };
}

/** Runs a step eagerly on a backend. */
export function runEagerly({ options, feeds }: PreparedStep, backend: string): LossAndGradient {
  void tf.setBackend(backend);
  return tf.tidy(() => {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([key, tensor]) => [
        key,
        tf.tensor(
          tensor.data as Float32Array | Int32Array,
          [...tensor.dims],
          tensor.type === 'int32' ? 'int32' : 'float32',
        ),
      ]),
    );
    const { loss, gradient } = lossAndGradient(options, inputs);
    return { loss: loss.dataSync()[0] ?? NaN, gradient: gradient.dataSync() as Float32Array };
  });
}

/** ‖a − b‖ / ‖b‖. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...b.map((value, index) => value - (a[index] ?? NaN))) / Math.hypot(...b);
}
