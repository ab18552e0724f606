// Learning-rate schedules.

/** How the rate falls after warm-up. */
export type ScheduleKind = 'cosine' | 'linear' | 'constant' | 'warmup-stable-decay';

/** The share of the steps over which `warmup-stable-decay` falls to zero. */
const DECAY_SHARE = 0.4;

/**
 * The factor in [0, 1] on the peak learning rate at a step. The first step after the warm-up has the peak; `cosine` and
 * `linear` would reach 0 one step after the last (as Hugging Face's schedules), `warmup-stable-decay` reaches it at the last.
 *
 * @param step From 1.
 * @param steps Steps in all.
 * @param warmupRatio Share of the steps that rise linearly from 0.
 */
export function scheduleFactor(kind: ScheduleKind, step: number, steps: number, warmupRatio: number): number {
  const warmup = Math.ceil(steps * warmupRatio);
  if (step <= warmup) return step / Math.max(1, warmup);
  const progress = (step - 1 - warmup) / Math.max(1, steps - warmup);
  switch (kind) {
    case 'constant':
      return 1;
    case 'linear':
      return 1 - progress;
    case 'cosine':
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    case 'warmup-stable-decay':
      return Math.min(1, (steps - step) / (steps * DECAY_SHARE));
  }
}
