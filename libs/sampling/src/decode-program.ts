// The programs of sampling: a prefill of whole prompts, and a step of one new token for every slot.
import type * as tf from '@tensorflow/tfjs-core';
import {
  causalBias,
  decode,
  headLogits,
  linearOf,
  parameterSpecs,
  type DecoderConfig,
  type DecoderInput,
} from '@overtone/language-model';
import {
  entropies,
  gatherRows,
  logProbabilities,
  Program,
  type ProgramOptions,
  type TensorSpec,
  trace,
} from '@overtone/tensor';

/** The static shape of a program. */
export interface DecodeShape {
  /** Sequences. */
  readonly batch: number;
  /** New tokens of each sequence. */
  readonly length: number;
  /** Cached positions of each sequence; 0 for a prefill. */
  readonly capacity: number;
}

/** Name of a layer's cached or new keys or values. */
export const cacheName = (kind: 'keys' | 'values', layer: number): string => `${kind}.${layer}`;

function specs(config: DecoderConfig, { batch, length, capacity }: DecodeShape): Record<string, TensorSpec> {
  const inputs: Record<string, TensorSpec> = {
    tokens: { dtype: 'int32', shape: [batch, length] },
    positions: { dtype: 'int32', shape: [batch, length] },
    rows: { dtype: 'int32', shape: [batch] },
  };
  if (capacity > 0) {
    inputs['cache_bias'] = { dtype: 'float32', shape: [batch, 1, 1, capacity] };
    for (let layer = 0; layer < config.numHiddenLayers; layer++) {
      for (const kind of ['keys', 'values'] as const) {
        inputs[cacheName(kind, layer)] = {
          dtype: 'float32',
          shape: [batch, config.numKeyValueHeads, capacity, config.headDim],
        };
      }
    }
  }
  return { ...inputs, ...Object.fromEntries(parameterSpecs(config)) };
}

/**
 * Compiles the program of a shape. Inputs: `tokens`, `positions`, `rows` (for each sequence, the index into
 * batch · length of the token whose distribution is wanted), the cache when there is one, and the parameters.
 * Outputs: `logprobs` [batch, vocabulary] and `entropies` [batch], nats at temperature 1; `new.keys.*` and `new.values.*`
 * [batch, kvHeads, length, headDim].
 */
export async function compileDecode(
  config: DecoderConfig,
  shape: DecodeShape,
  positionLimit: number,
  options: ProgramOptions,
): Promise<Program> {
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => layer);
  const graph = trace(specs(config, shape), (inputs) => {
    const tensor = (name: string): tf.Tensor => {
      const found = inputs[name];
      if (!found) throw new Error(`The decode program has no input ${name}`);
      return found;
    };
    const input: DecoderInput = {
      tokens: tensor('tokens') as tf.Tensor2D,
      positions: tensor('positions') as tf.Tensor2D,
      bias: causalBias(shape.length),
      ...(shape.capacity > 0
        ? {
            cache: {
              keys: layers.map((layer) => tensor(cacheName('keys', layer)) as tf.Tensor4D),
              values: layers.map((layer) => tensor(cacheName('values', layer)) as tf.Tensor4D),
              bias: tensor('cache_bias') as tf.Tensor4D,
            },
          }
        : {}),
    };
    const { hidden, keys, values } = decode(config, inputs, linearOf(inputs), input, positionLimit);
    const logits = headLogits(config, inputs, gatherRows(hidden, tensor('rows') as tf.Tensor1D));
    return {
      logprobs: logProbabilities(logits),
      entropies: entropies(logits),
      ...Object.fromEntries(keys.map((tensor, layer) => [`new.${cacheName('keys', layer)}`, tensor])),
      ...Object.fromEntries(values.map((tensor, layer) => [`new.${cacheName('values', layer)}`, tensor])),
    };
  });
  return Program.compile(graph, options);
}
