// Random initial values: of a whole model, and of an adapter.
import { sizeOf } from '@overtone/tensor';
import { normalDeviate, type Random, seededRandom } from '@overtone/statistics';
import { type DecoderConfig } from './config.ts';
import { type LoraConfig, loraShapes } from './lora.ts';
import { parameterSpecs } from './parameters.ts';
import { type NamedTensor } from './safetensors.ts';

function normals(count: number, deviation: number, random: Random): Float32Array {
  return Float32Array.from({ length: count }, () => deviation * normalDeviate(random));
}

/** Parameters of an untrained model: norms 1, biases 0, all else normal; projections into the residual stream scaled by 1/√(2·layers). */
export function initialParameters(config: DecoderConfig, seed: number): Map<string, NamedTensor> {
  const parameters = new Map<string, NamedTensor>();
  for (const [name, { shape }] of parameterSpecs(config)) {
    const size = sizeOf(shape);
    const residual = name.includes('o_proj') || name.includes('down_proj');
    const deviation = config.initializerRange / (residual ? Math.sqrt(2 * config.numHiddenLayers) : 1);
    const data = name.includes('norm')
      ? new Float32Array(size).fill(1)
      : name.endsWith('.bias')
        ? new Float32Array(size)
        : normals(size, deviation, seededRandom('initialize', seed, name));
    parameters.set(name, { shape, data });
  }
  return parameters;
}

/** Parameters of an untrained adapter: A uniform in ±1/√in (PEFT's Kaiming initialisation with a = √5), B zero. */
export function initialAdapter(
  config: DecoderConfig,
  lora: LoraConfig,
  seed: number,
): Map<string, NamedTensor> {
  const parameters = new Map<string, NamedTensor>();
  for (const [name, shape] of loraShapes(config, lora)) {
    const random = seededRandom('adapter', seed, name);
    const bound = 1 / Math.sqrt(shape[1]);
    const data = new Float32Array(sizeOf(shape));
    if (name.includes('lora_A')) data.forEach((_, index) => (data[index] = (2 * random() - 1) * bound));
    parameters.set(name, { shape, data });
  }
  return parameters;
}
