// The gradient of a LoRA adapter, by the traced step that training runs.
import { loraShapes, type Adapter, type DecoderConfig, type ParameterMap } from '@overtone/language-model';
import { hostParameters } from '@overtone/sampling';
import { float32, hostTensor, type HostTensor, Program, trace } from '@overtone/tensor';
import { joinVector, layoutOf, splitVector } from '../../libs/training/src/layout.ts';
import { createObjective } from '../../libs/training/src/objective-spec.ts';
import { batchShape, packBatch } from '../../libs/training/src/packing.ts';
import { lossAndGradient, stepInputs, type StepOptions } from '../../libs/training/src/train-step.ts';

/** Mean negative log-likelihood of all tokens but the first of each sequence, nats, and its gradient by every matrix. */
export async function lossAndLoraGradient(
  config: DecoderConfig,
  parameters: ParameterMap,
  adapter: Adapter,
  sequences: readonly (readonly number[])[],
): Promise<{ loss: number; gradient: ParameterMap }> {
  const packed = sequences.map((ids) => ({ tokens: Int32Array.from(ids), promptLength: 1 }));
  const layout = layoutOf(loraShapes(config, adapter.lora));
  const options: StepOptions = {
    config,
    lora: adapter.lora,
    layout,
    objective: createObjective({ type: 'sft', selection: 'all' }),
    optimizer: { beta1: 0.9, beta2: 0.999, weightDecay: 0, maxGradNorm: 1 },
    batch: batchShape([packed]),
  };
  const vector = (data: Float32Array): HostTensor =>
    hostTensor({ dtype: 'float32', shape: [data.length] }, data);
  // What only the optimiser reads.
  const optimizer = ['first', 'second', 'learning_rate', 'correction1', 'correction2'];
  const specs = Object.entries(stepInputs(options)).filter(([name]) => !optimizer.includes(name));
  const program = await Program.compile(
    trace(Object.fromEntries(specs), (inputs) => {
      const { loss, gradient } = lossAndGradient(options, inputs);
      return { loss, gradient };
    }),
  );
  try {
    const { loss, gradient } = await program.run({
      ...hostParameters(parameters).tensors,
      ...packBatch(packed, options.batch),
      theta: vector(joinVector(layout, adapter.parameters)),
      reference: vector(new Float32Array(sequences.length)),
      groups: hostTensor({ dtype: 'float32', shape: [] }, Float32Array.of(sequences.length)),
      'coefficient.included': vector(new Float32Array(sequences.length).fill(1)),
    });
    if (!loss || !gradient) throw new Error('The step has no gradient');
    return { loss: float32(loss)[0] ?? NaN, gradient: splitVector(layout, float32(gradient)) };
  } finally {
    await program.dispose();
  }
}
