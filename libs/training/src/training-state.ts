// What a run needs to continue: the trained vector, its moments, the step, and what the next step is compared with. The schedule,
// the order of the data and every random choice are functions of the step and the seed. On disk as one file, written whole.
import { readSafetensors, writeSafetensors, type NamedTensor } from '@overtone/language-model';
import { type Vitals, type VitalsHistory } from './alarms.ts';
import { TrainingError } from './training-error.ts';

/** The state after a number of steps. */
export interface TrainingState {
  readonly step: number;
  readonly theta: Float32Array;
  /** AdamW's first moment. */
  readonly first: Float32Array;
  /** AdamW's second moment. */
  readonly second: Float32Array;
  /** Losses of the last steps. */
  readonly losses: readonly number[];
  /** What alarms go by. Default: nothing yet. */
  readonly vitals?: VitalsHistory | undefined;
  /** The trained vector at the last step that an alarm would go back to. Default: it would not. */
  readonly good?: GoodState | undefined;
}

/** A trained vector that is known to be sound. */
export interface GoodState {
  readonly step: number;
  readonly theta: Float32Array;
}

/** Writes a state, under its name only when all of it is on disk. */
export async function saveState(path: string, state: TrainingState): Promise<void> {
  const vector = (data: Float32Array): NamedTensor => ({ shape: [data.length], data });
  const { step, theta, first, second, losses, vitals, good } = state;
  await writeSafetensors(
    path,
    new Map(
      Object.entries({
        step: vector(Float32Array.of(step)),
        theta: vector(theta),
        first: vector(first),
        second: vector(second),
        losses: vector(Float32Array.from(losses)),
        ...(vitals && { 'vitals.first': rows(vitals.first), 'vitals.recent': rows(vitals.recent) }),
        ...(good && { 'good.step': vector(Float32Array.of(good.step)), 'good.theta': vector(good.theta) }),
      }),
    ),
  );
}

/** Reads a state. Throws when the file is damaged or of another size. */
export async function loadState(path: string, size: number): Promise<TrainingState> {
  const tensors = await readSafetensors(path);
  const vector = (name: string, length: number): Float32Array => {
    const data = tensors.get(name)?.data;
    if (data?.length !== length)
      throw new TrainingError(`${path}: ${name} should have ${length} numbers, it has ${data?.length ?? 0}`);
    return data;
  };
  const vitals = (name: string): Vitals[] => {
    const rows = tensors.get(name)?.data ?? [];
    return Array.from({ length: rows.length / 2 }, (_, row) => ({
      logprob: rows[2 * row] ?? NaN,
      entropy: rows[2 * row + 1] ?? NaN,
    }));
  };
  return {
    step: vector('step', 1)[0] ?? 0,
    theta: vector('theta', size),
    first: vector('first', size),
    second: vector('second', size),
    losses: Array.from(tensors.get('losses')?.data ?? []),
    vitals: tensors.has('vitals.first')
      ? { first: vitals('vitals.first'), recent: vitals('vitals.recent') }
      : undefined,
    good: tensors.has('good.step')
      ? { step: vector('good.step', 1)[0] ?? 0, theta: vector('good.theta', size) }
      : undefined,
  };
}

/** [steps, 2]. */
function rows(vitals: readonly Vitals[]): NamedTensor {
  const data = Float32Array.from(vitals.flatMap(({ logprob, entropy }) => [logprob, entropy]));
  return { shape: [vitals.length, 2], data };
}
