// Low-rank adaptation: y = W x + b + scale · B A x, with W and b frozen and scale = alpha / r (Hu et al. 2021).
import * as tf from '@tensorflow/tfjs-core';
import { type DecoderConfig } from './config.ts';
import { type Linear, weight, type Weights } from './decoder.ts';
import { ModelError } from './model-error.ts';
import { PROJECTIONS, projectionModule, projectionShape, type Projection } from './parameters.ts';
import { type NamedTensor } from './safetensors.ts';
import { type ParameterMap } from './checkpoint.ts';

/** Rank, scale and place of an adapter. */
export interface LoraConfig {
  /** Rank. */
  readonly r: number;
  /** Numerator of the scale. */
  readonly alpha: number;
  /** Whether the scale is alpha / √r (Kalajdzievski 2023) in place of alpha / r. Default false. */
  readonly useRslora?: boolean;
  /** The projections that are adapted. */
  readonly targetModules: readonly Projection[];
}

/** What B A x is multiplied by. */
export function loraScale({ r, alpha, useRslora }: LoraConfig): number {
  return alpha / (useRslora ? Math.sqrt(r) : r);
}

/** Parses projection names; none means all. Throws a ModelError naming an unknown one. */
export function parseTargetModules(names: readonly string[]): Projection[] {
  if (names.length === 0) return [...PROJECTIONS];
  return names.map((name) => {
    const known = PROJECTIONS.find((projection) => projection === name);
    if (!known)
      throw new ModelError(`target_modules: unknown projection ${name}; known: ${PROJECTIONS.join(', ')}`);
    return known;
  });
}

/** The name of an adapter's matrix. A maps in → r, B maps r → out. */
export function loraParameter(module: string, matrix: 'A' | 'B'): string {
  return `${module}.lora_${matrix}.weight`;
}

/** Name and shape of every parameter of an adapter, in a fixed order. */
export function loraShapes(config: DecoderConfig, lora: LoraConfig): Map<string, readonly [number, number]> {
  const shapes = new Map<string, readonly [number, number]>();
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    for (const projection of lora.targetModules) {
      const [out, input] = projectionShape(config, projection);
      const module = projectionModule(layer, projection);
      shapes.set(loraParameter(module, 'A'), [lora.r, input]);
      shapes.set(loraParameter(module, 'B'), [out, lora.r]);
    }
  }
  return shapes;
}

/**
 * Wraps a linear with an adapter; modules without one pass through.
 *
 * @param drop What the adapter of a module reads in place of the module's input, in training. Default: the input.
 */
export function withLora(
  base: Linear,
  lora: LoraConfig,
  adapter: Weights,
  drop: (module: string, x: tf.Tensor2D) => tf.Tensor2D = (_, x) => x,
): Linear {
  const scale = loraScale(lora);
  return (module, x) => {
    const y = base(module, x);
    if (!adapter[loraParameter(module, 'A')]) return y;
    const a = weight(adapter, loraParameter(module, 'A')) as tf.Tensor2D;
    const b = weight(adapter, loraParameter(module, 'B')) as tf.Tensor2D;
    // The scale is applied where the tensor is smallest.
    return tf.add(y, tf.matMul(tf.mul(tf.matMul(drop(module, x), a, false, true), scale), b, false, true));
  };
}

/** W + scale · B A for every adapted module; other parameters are shared with `parameters`. */
export function mergeLora(parameters: ParameterMap, lora: LoraConfig, adapter: ParameterMap): ParameterMap {
  const merged = new Map<string, NamedTensor>(parameters);
  const scale = loraScale(lora);
  for (const [name, a] of adapter) {
    if (!name.endsWith('.lora_A.weight')) continue;
    const module = name.slice(0, -'.lora_A.weight'.length);
    const b = adapter.get(loraParameter(module, 'B'));
    const base = parameters.get(`${module}.weight`);
    if (!b || !base)
      throw new ModelError(`adapter: ${module} has no lora_B, or the model has no such module`);
    const [out = 0, input = 0] = base.shape;
    const rank = a.shape[0] ?? 0;
    if (a.shape[1] !== input || b.shape[0] !== out || b.shape[1] !== rank) {
      throw new ModelError(
        `adapter: ${module} has lora_A [${a.shape.join()}] and lora_B [${b.shape.join()}], which do not fit the weight [${out},${input}]`,
      );
    }
    const data = Float32Array.from(base.data);
    for (let row = 0; row < out; row++) {
      for (let k = 0; k < rank; k++) {
        const factor = scale * (b.data[row * rank + k] ?? 0);
        if (factor === 0) continue;
        for (let column = 0; column < input; column++) {
          const index = row * input + column;
          data[index] = (data[index] ?? 0) + factor * (a.data[k * input + column] ?? 0);
        }
      }
    }
    merged.set(`${module}.weight`, { shape: base.shape, data });
  }
  return merged;
}
