// The trained parameters as one flat vector: where each lies.
import * as tf from '@tensorflow/tfjs-core';
import { type NamedTensor, type ParameterMap } from '@overtone/language-model';
import { sizeOf } from '@overtone/tensor';

/** A parameter's place in the vector. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** Places of all trained parameters, in order. */
export interface Layout {
  readonly slots: readonly Slot[];
  readonly size: number;
}

/** Lays parameters out one after another. */
export function layoutOf(shapes: Iterable<readonly [string, readonly number[]]>): Layout {
  const slots: Slot[] = [];
  let offset = 0;
  for (const [name, shape] of shapes) {
    const size = sizeOf(shape);
    slots.push({ name, shape, offset, size });
    offset += size;
  }
  return { slots, size: offset };
}

/** Views of the vector's parts, by name. */
export function splitTensor(layout: Layout, theta: tf.Tensor1D): Record<string, tf.Tensor> {
  return Object.fromEntries(
    layout.slots.map(({ name, shape, offset, size }) => [
      name,
      tf.reshape(tf.slice(theta, [offset], [size]), [...shape]),
    ]),
  );
}

/** Copies of the vector's parts, by name. */
export function splitVector(layout: Layout, theta: Float32Array): Map<string, NamedTensor> {
  return new Map(
    layout.slots.map(({ name, shape, offset, size }) => [
      name,
      { shape, data: theta.slice(offset, offset + size) },
    ]),
  );
}

/** The vector of given parameters. Throws when one is missing. */
export function joinVector(layout: Layout, parameters: ParameterMap): Float32Array {
  const theta = new Float32Array(layout.size);
  for (const { name, offset } of layout.slots) {
    const tensor = parameters.get(name);
    if (!tensor) throw new Error(`Parameter ${name} is missing`);
    theta.set(tensor.data, offset);
  }
  return theta;
}
