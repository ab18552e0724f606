// What a run needs to continue: the trained vector, its moments, and the step; on disk as one file, replaced atomically.
import { access } from 'node:fs/promises';
import { readSafetensors, writeSafetensors, type NamedTensor } from '@overtone/language-model';
import { TrainingError } from './training-error.ts';

/** The state after a number of steps. */
export interface TrainingState {
  readonly step: number;
  readonly theta: Float32Array;
  /** AdamW's first moment. */
  readonly first: Float32Array;
  /** AdamW's second moment. */
  readonly second: Float32Array;
}

/** Writes a state. */
export async function saveState(path: string, state: TrainingState): Promise<void> {
  const vector = (data: Float32Array): NamedTensor => ({ shape: [data.length], data });
  const step = vector(Float32Array.of(state.step));
  await writeSafetensors(
    path,
    new Map(
      Object.entries({
        step,
        theta: vector(state.theta),
        first: vector(state.first),
        second: vector(state.second),
      }),
    ),
  );
}

/** Reads a state; undefined when there is none. Throws when it is of another size. */
export async function loadState(path: string, size: number): Promise<TrainingState | undefined> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  const tensors = await readSafetensors(path);
  const vector = (name: string, length: number): Float32Array => {
    const data = tensors.get(name)?.data;
    if (data?.length !== length)
      throw new TrainingError(`${path}: ${name} should have ${length} numbers, it has ${data?.length ?? 0}`);
    return data;
  };
  return {
    step: vector('step', 1)[0] ?? 0,
    theta: vector('theta', size),
    first: vector('first', size),
    second: vector('second', size),
  };
}
