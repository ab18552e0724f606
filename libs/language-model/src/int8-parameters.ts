// A model's parameters with the weights of its linear modules in eight bits.
import {
  hostTensor,
  type HostTensor,
  int8Names,
  type Int8Options,
  int8Weight,
  type Int8Weight,
} from '@overtone/tensor';
import { type ParameterMap, streamParameters } from './checkpoint.ts';
import { type DecoderConfig } from './config.ts';
import { EMBEDDING, linearWeights } from './parameters.ts';
import { type NamedTensor } from './tensor-file.ts';

type NamedParameter = readonly [name: string, tensor: NamedTensor];

/** Weights in eight bits, by the names of those that they stand for. */
export type Int8Parameters = ReadonlyMap<string, Int8Weight>;

/** Parameters of which some are in eight bits. */
export interface QuantizedParameters {
  /** In float32: norms, biases, and the embedding, whose rows are looked up also when the head is tied to it. */
  readonly parameters: ParameterMap;
  readonly int8: Int8Parameters;
}

/** How weights are rounded. */
export interface Int8ParameterOptions extends Int8Options {
  /** Rounds the embedding too where the head is tied to it; its rows are still looked up in float32. Default false. */
  readonly tiedHead?: boolean;
}

/** Shapes [out, in] of the weights that are rounded, by name. */
export function int8Shapes(
  config: DecoderConfig,
  { tiedHead = false }: Int8ParameterOptions = {},
): Map<string, readonly [out: number, input: number]> {
  const shapes = linearWeights(config);
  if (!tiedHead) shapes.delete(EMBEDDING);
  return shapes;
}

/** Rounds the weights of a model's linear modules to eight bits, one after the other. */
export async function int8Parameters(
  source: AsyncIterable<NamedParameter> | Iterable<NamedParameter>,
  config: DecoderConfig,
  options: Int8ParameterOptions = {},
): Promise<QuantizedParameters> {
  const shapes = int8Shapes(config, options);
  const parameters = new Map<string, NamedTensor>();
  const int8 = new Map<string, Int8Weight>();
  for await (const [name, tensor] of source) {
    const shape = shapes.get(name);
    if (shape) int8.set(name, int8Weight(tensor.data, shape, options));
    if (!shape || name === EMBEDDING) parameters.set(name, tensor);
  }
  return { parameters, int8 };
}

/**
 * Reads a model's parameters and rounds the weights of its linear modules to eight bits: at no time are all of them here in float32.
 *
 * @throws {ModelError} as `readParameters`.
 */
export function readInt8Parameters(
  model: string,
  config: DecoderConfig,
  options: Int8ParameterOptions = {},
): Promise<QuantizedParameters> {
  const shapes = int8Shapes(config, options);
  const passing = (name: string): boolean => shapes.has(name) && name !== EMBEDDING;
  return int8Parameters(streamParameters(model, config, { passing }), config, options);
}

/** Eight-bit weights in the form that programs have them. */
export function int8Tensors(int8: Int8Parameters): Record<string, HostTensor> {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, { shape, layout, values, scales }] of int8) {
    const [out] = shape;
    const names = int8Names(name);
    const dtype = values instanceof Int8Array ? 'int8' : 'uint8';
    tensors[names.values] = hostTensor(
      { dtype, shape: layout === 'rows' ? shape : shape.toReversed() },
      values,
    );
    tensors[names.scales] = hostTensor({ dtype: 'float32', shape: [out] }, scales);
  }
  return tensors;
}
