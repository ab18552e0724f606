// The program of a decoding step where the cache stays in place: one new token for every slot, its keys and values written into the cache.
import type * as tf from '@tensorflow/tfjs-core';
import {
  decode,
  headLogits,
  linearOf,
  withLora,
  type DecoderConfig,
  type LoraConfig,
} from '@overtone/language-model';
import { fuseResidualNorms, type Graph, type TensorSpec, trace } from '@overtone/tensor';
import { weightSpecs } from './decode-program.ts';
import { distributionOutputs } from './distribution.ts';
import { cacheName, cacheSpecs } from './slot-cache.ts';

/** The static shape of a step. */
export interface StepShape {
  /** Slots. */
  readonly batch: number;
  /** Positions of each slot. */
  readonly capacity: number;
  /** Whether the distributions are tempered, by the input `inverse_temperature`. */
  readonly tempered: boolean;
}

/**
 * Traces the step of a shape. Inputs: `tokens` [batch, 1], `lengths` [batch] (cached positions of each slot), the cache, and the parameters.
 * Outputs: those of `distributionOutputs`; `new.keys.*` and `new.values.*`, the cache with the new tokens, to be written over the old one.
 */
export function traceStep(
  config: DecoderConfig,
  lora: LoraConfig | undefined,
  { batch, capacity, tempered }: StepShape,
): Graph {
  const { cache_bias: _, ...cache } = cacheSpecs(config, batch, capacity);
  const specs: Record<string, TensorSpec> = {
    tokens: { dtype: 'int32', shape: [batch, 1] },
    lengths: { dtype: 'int32', shape: [batch] },
    ...(tempered ? { inverse_temperature: { dtype: 'float32', shape: [] } } : {}),
    ...cache,
    ...weightSpecs(config, lora),
  };
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => layer);
  const graph = trace(specs, (inputs) => {
    const tensor = (name: string): tf.Tensor => {
      const found = inputs[name];
      if (!found) throw new Error(`The step program has no input ${name}`);
      return found;
    };
    const frozen = linearOf(inputs);
    const linear = lora ? withLora(frozen, lora, inputs) : frozen;
    const growing = {
      keys: layers.map((layer) => tensor(cacheName('keys', layer)) as tf.Tensor4D),
      values: layers.map((layer) => tensor(cacheName('values', layer)) as tf.Tensor4D),
      lengths: tensor('lengths') as tf.Tensor1D,
    };
    const step = { tokens: tensor('tokens') as tf.Tensor2D, growing };
    const { hidden, keys, values } = decode(config, inputs, linear, step, { positionLimit: capacity });
    return {
      ...distributionOutputs(
        headLogits(config, inputs, hidden),
        tempered ? tensor('inverse_temperature') : undefined,
      ),
      ...Object.fromEntries(keys.map((rows, layer) => [`new.${cacheName('keys', layer)}`, rows])),
      ...Object.fromEntries(values.map((rows, layer) => [`new.${cacheName('values', layer)}`, rows])),
    };
  });
  return fuseResidualNorms(graph);
}
