// How a run is watched: which alarms, what they go by, and which weights they would go back to.
import { Alarms, MARK_EVERY_STEPS, type Vitals } from './alarms.ts';
import { type TrainingOptions } from './run-training.ts';
import { type GoodState, type TrainingState } from './training-state.ts';

/** What watches a run from a state on; undefined where nothing does. */
export function alarmsOf(
  { alarms, initializeSeed }: Pick<TrainingOptions, 'alarms' | 'initializeSeed'>,
  { vitals }: TrainingState,
): Alarms | undefined {
  const untold = initializeSeed !== undefined && alarms === undefined;
  const action = alarms?.action ?? (untold ? 'off' : 'stop');
  return action === 'off' ? undefined : new Alarms(alarms ?? {}, vitals ?? { first: [], recent: [] });
}

/** The vitals among a step's metrics. */
export function vitalsOf(metrics: Readonly<Record<string, number>>): Vitals {
  return { logprob: metrics['logprobs/mean'] ?? NaN, entropy: metrics['entropy'] ?? NaN };
}

/** The weights that an alarm goes back to: those of the start, and then of every tenth step at which all is calm. */
export function goodState(
  alarms: Alarms | undefined,
  before: TrainingState,
  after: GoodState,
): GoodState | undefined {
  if (alarms === undefined) return undefined;
  if (after.step % MARK_EVERY_STEPS === 0 && alarms.calm) return after;
  return before.good ?? (before.step === 0 ? { step: 0, theta: before.theta } : undefined);
}
