import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
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
import { float32, hostTensor, type HostTensor, Program, trace } from '@overtone/tensor';
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
const lora: LoraConfig = { r: 4, alpha: 8, targetModules: [...PROJECTIONS] };
const parameters = initialParameters(config, 1);

type Group = {
  readonly id: string;
  readonly scores: readonly number[];
  readonly sequences: readonly Sequence[];
};

/** Three groups of solutions of different lengths, with scores that rank them. */
const differing = [3, 2, 4].map((count, group): Group => ({
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

function prepare(
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
    groups: scalar(examples.length),
    learning_rate: scalar(1e-3),
    correction1: scalar(0.1),
    correction2: scalar(0.001),
  };
  return { options, feeds };
}

const OBJECTIVES: Record<string, ObjectiveSpec> = {
  'sft all': { type: 'sft', selection: 'all' },
  'sft best': { type: 'sft', selection: 'best' },
  'sft random': { type: 'sft', selection: 'random' },
  dpo: { type: 'dpo', beta: 0.5 },
  rrhf: { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: false },
  'rrhf-bt': { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true },
};

describe('the traced gradient equals the eager one of the cpu backend to 1e-4', () => {
  for (const [name, spec] of Object.entries(OBJECTIVES)) {
    for (const [how, adapter] of [
      ['LoRA', lora],
      ['all parameters', undefined],
    ] as const) {
      it(`${name}, ${how}`, async () => {
        const { options, feeds } = prepare(spec, adapter);
        const program = await Program.compile(
          trace(stepInputs(options), (inputs) => {
            const { loss, gradient } = lossAndGradient(options, inputs);
            return { loss, gradient };
          }),
        );
        const traced = await program.run(feeds);
        await program.dispose();
        void tf.setBackend('cpu');
        const eager = tf.tidy(() => {
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
        const gradient = traced['gradient']?.data as Float32Array;
        const norm = Math.hypot(...eager.gradient);
        expect(norm).toBeGreaterThan(1e-3);
        expect(
          Math.hypot(...eager.gradient.map((value, index) => value - (gradient[index] ?? NaN))) / norm,
        ).toBeLessThan(1e-4);
        expect(
          Math.abs((traced['loss']?.data as Float32Array)[0]! - eager.loss) / Math.abs(eager.loss),
        ).toBeLessThan(1e-4);
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

  async function computed(
    rowLength: number,
  ): Promise<{ tokens: number; loss: number; gradient: Float32Array }> {
    const { options, feeds } = prepare(
      { type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true },
      lora,
      groups,
      rowLength,
    );
    const program = await Program.compile(
      trace(stepInputs(options), (inputs) => {
        const { loss, gradient } = lossAndGradient(options, inputs);
        return { loss, gradient };
      }),
    );
    const { loss, gradient } = await program.run(feeds);
    await program.dispose();
    if (!loss || !gradient) throw new Error('The step returned nothing');
    const trees = Array.from(feeds['trees']?.data as Int32Array);
    return {
      tokens: trees.filter((tree) => tree > 0).length,
      loss: float32(loss)[0] ?? NaN,
      gradient: float32(gradient),
    };
  }

  it('is computed once, to the same loss and gradient', async () => {
    const longest = Math.max(
      ...groups.flatMap(({ sequences }) => sequences.map(({ tokens }) => tokens.length)),
    );
    const apart = await computed(longest);
    const together = await computed(8 * longest);
    expect(together.tokens).toBeLessThan(0.7 * apart.tokens);
    expect(together.loss).toBeCloseTo(apart.loss, 5);
    const norm = Math.hypot(...apart.gradient);
    const distance = Math.hypot(...apart.gradient.map((value, at) => value - (together.gradient[at] ?? NaN)));
    expect(distance / norm).toBeLessThan(1e-5);
  });
});
