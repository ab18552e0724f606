// Weights in the layout of the kernels that multiply with them: once for all sessions of a process, in whichever thread they are.
import { type Address, ortLibrary } from './library.ts';

/** A container that sessions put packed weights into, and take from it those that are there. It may go to other threads. */
export interface PackedWeights {
  readonly address: Address;
}

/** Makes an empty container. @returns undefined where ONNX Runtime's library cannot be called. */
export function createPackedWeights(): PackedWeights | undefined {
  const library = ortLibrary();
  return library && { address: library.make('CreatePrepackedWeightsContainer') };
}

/** Frees a container. All sessions that used it must have been disposed of. */
export function releasePackedWeights({ address }: PackedWeights): void {
  ortLibrary()?.release('ReleasePrepackedWeightsContainer', address);
}
