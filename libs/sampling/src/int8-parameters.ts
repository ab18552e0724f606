// A model's parameters with the weights of its linear modules in eight bits.
import {
  type DecoderConfig,
  EMBEDDING,
  linearWeights,
  type NamedTensor,
  type ParameterMap,
  streamParameters,
} from '@overtone/language-model';
import { hostTensor, type HostTensor, int8Names, int8Weight, type Int8Weight } from '@overtone/tensor';

/** Weights in eight bits, by the names of those that they stand for. */
export type Int8Parameters = ReadonlyMap<string, Int8Weight>;

/** Parameters of which some are in eight bits. */
export interface QuantizedParameters {
  /** In float32: norms, biases, and the embedding, whose rows are looked up also when the head is tied to it. */
  readonly parameters: ParameterMap;
  readonly int8: Int8Parameters;
}

/**
 * Reads a model's parameters and rounds the weights of its linear modules to eight bits, one after the other: at no time are all of them
 * here in float32. The result lies on shared memory.
 *
 * @param signed Whether the integers have a sign; see `signedProductsAreExact`.
 * @throws {ModelError} as `readParameters`.
 */
export async function readInt8Parameters(
  model: string,
  config: DecoderConfig,
  signed: boolean,
): Promise<QuantizedParameters> {
  const linear = linearWeights(config);
  const parameters = new Map<string, NamedTensor>();
  const int8 = new Map<string, Int8Weight>();
  const isKept = (name: string): boolean => !linear.has(name) || name === EMBEDDING;
  for await (const [name, tensor] of streamParameters(model, config, { passing: (name) => !isKept(name) })) {
    const shape = linear.get(name);
    if (shape) int8.set(name, int8Weight(tensor.data, shape, { signed, shared: true }));
    if (isKept(name)) parameters.set(name, tensor);
  }
  return { parameters, int8 };
}

/** Eight-bit weights in the form that programs have them. */
export function int8Tensors(int8: Int8Parameters): Record<string, HostTensor> {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, { shape, values, scales }] of int8) {
    const [out, input] = shape;
    const names = int8Names(name);
    const dtype = values instanceof Int8Array ? 'int8' : 'uint8';
    tensors[names.values] = hostTensor({ dtype, shape: [input, out] }, values);
    tensors[names.scales] = hostTensor({ dtype: 'float32', shape: [out] }, scales);
  }
  return tensors;
}
