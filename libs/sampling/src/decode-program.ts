// The programs of sampling: a piece of a prompt computed after what is cached of it, and a step of one new token for every slot.
import type * as tf from '@tensorflow/tfjs-core';
import {
  causalBias,
  decode,
  headLogits,
  linearOf,
  loraShapes,
  parameterSpecs,
  withLora,
  type DecoderConfig,
  type DecoderInput,
  type LoraConfig,
} from '@overtone/language-model';
import {
  gatherRows,
  type Graph,
  Program,
  type ProgramOptions,
  type TensorSpec,
  trace,
} from '@overtone/tensor';
import { distributionOutputs } from './distribution.ts';
import { cacheName, cacheSpecs } from './slot-cache.ts';

/** The static shape of a program. */
export interface DecodeShape {
  /** Sequences. */
  readonly batch: number;
  /** New tokens of each sequence. */
  readonly length: number;
  /** Cached positions of each sequence; 0 for none. */
  readonly capacity: number;
  /** Tokens whose distribution is computed; 0 for none. */
  readonly rows: number;
  /** Whether the distributions are tempered, by the input `inverse_temperature`. */
  readonly tempered: boolean;
}

/** Element type and shape of a model's parameters, an unmerged adapter's included. */
export function weightSpecs(config: DecoderConfig, lora: LoraConfig | undefined): Record<string, TensorSpec> {
  const adapter = lora
    ? [...loraShapes(config, lora)].map(([name, shape]) => [name, { dtype: 'float32', shape }] as const)
    : [];
  return Object.fromEntries([...parameterSpecs(config), ...adapter]);
}

function specs(
  config: DecoderConfig,
  { batch, length, capacity, rows, tempered }: DecodeShape,
): Record<string, TensorSpec> {
  return {
    tokens: { dtype: 'int32', shape: [batch, length] },
    positions: { dtype: 'int32', shape: [batch, length] },
    ...(rows > 0 ? { rows: { dtype: 'int32', shape: [rows] } } : {}),
    ...(tempered ? { inverse_temperature: { dtype: 'float32', shape: [] } } : {}),
    ...(capacity > 0 ? cacheSpecs(config, batch, capacity) : {}),
  };
}

/**
 * Traces the program of a shape. Inputs: `tokens`, `positions`, `rows` (indices into batch · length of the tokens whose
 * distribution is wanted), the cache when there is one, and the parameters. Outputs: those of `distributionOutputs` when there
 * are rows; `new.keys.*` and `new.values.*` [batch, kvHeads, length, headDim].
 */
export function traceDecode(config: DecoderConfig, lora: LoraConfig | undefined, shape: DecodeShape): Graph {
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => layer);
  return trace({ ...specs(config, shape), ...weightSpecs(config, lora) }, (inputs) => {
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
    const frozen = linearOf(inputs);
    const linear = lora ? withLora(frozen, lora, inputs) : frozen;
    const { hidden, keys, values } = decode(config, inputs, linear, input, {
      positionLimit: shape.capacity + shape.length,
    });
    const distribution =
      shape.rows === 0
        ? {}
        : distributionOutputs(
            headLogits(config, inputs, gatherRows(hidden, tensor('rows') as tf.Tensor1D)),
            shape.tempered ? tensor('inverse_temperature') : undefined,
          );
    return {
      ...distribution,
      ...Object.fromEntries(keys.map((rows, layer) => [`new.${cacheName('keys', layer)}`, rows])),
      ...Object.fromEntries(values.map((rows, layer) => [`new.${cacheName('values', layer)}`, rows])),
    };
  });
}

/** Compiles the program of a shape. */
export function compileDecode(
  config: DecoderConfig,
  lora: LoraConfig | undefined,
  shape: DecodeShape,
  options: ProgramOptions,
): Promise<Program> {
  return Program.compile(traceDecode(config, lora, shape), options);
}
