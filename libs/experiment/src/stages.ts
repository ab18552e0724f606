// The stages in their order, and what each of them counts.
import type { Progress } from './progress.ts';

/** Stage to unit; "start" is the start of the services. */
export const STAGES = {
  start: 'services',
  sample: 'solutions',
  verify: 'solutions',
  saturate: 'questions',
  compare: 'groups',
  score: 'groups',
  assess: 'signals',
  train: 'steps',
  evaluate: 'solutions',
  report: 'reports',
} as const;

/** Makes the stages known in their order, so that a listener can show them so. */
export function announceStages(progress: Progress): void {
  for (const [stage, unit] of Object.entries(STAGES)) progress.stage(stage, unit);
}
