// What a sampling pool takes of a machine when nobody says how much.
import { totalmem } from 'node:os';
import { type Hardware } from '@overtone/tensor';
import { mergesAdapters } from './adapter-cache.ts';

/** Whether the weights of a model of `parameters` numbers are packed when nobody says so. */
export function packsWeights(parameters: number, { device, precision }: Hardware): boolean {
  const bytes = Float32Array.BYTES_PER_ELEMENT * parameters;
  // Weights that are cast first would be folded into constants, for which ONNX Runtime wants to read them from a file.
  const asTheyAre = device === 'cpu' && precision === 'float32';
  return asTheyAre && !mergesAdapters(parameters) && bytes <= availableMemory() / 8;
}

/** Memory that this process may use, bytes. */
function availableMemory(): number {
  const constrained = process.constrainedMemory();
  return Math.min(totalmem(), constrained > 0 ? constrained : Infinity);
}

/** A quarter of the memory that this process may use. */
export function defaultCacheBytes(): number {
  return Math.floor(availableMemory() / 4);
}
