// What arms are compared with: the base model, and plain supervised fine-tuning.
import type { Arm, Experiment } from './config/load.ts';

/**
 * The base, then every arm of plain SFT: on solutions that no signal has chosen, since all are taken, or one at random. A signal is
 * worth what it gains over these.
 */
export function referencesOf({ arms, signals }: Pick<Experiment, 'arms' | 'signals'>): string[] {
  const isPlain = ({ signal, objective }: Arm): boolean =>
    objective.type === 'sft' &&
    (objective.choose === 'random' ||
      objective.choose === 'all' ||
      (objective.choose !== 'weighted' && signals[signal]?.method === 'random'));
  return ['base', ...arms.filter(isPlain).map(({ name }) => name)];
}
