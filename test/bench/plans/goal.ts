// The goal of a plan that saves calls: as good as all pairs, with a share of them.
import type { Point } from './curves.ts';

/** Share of all pairs that is allowed, by the number of solutions. */
export const goalShares: Readonly<Record<number, number>> = { 8: 0.5, 32: 0.25 };

/** Most that Kendall's tau may lose. */
export const tauMargin = 0.02;
/** Most points of a hundred by which the best and the worst may be found less often. */
export const extremesMargin = 2;

/** What a plan loses against all pairs, and whether that is within the goal. */
export interface Comparison {
  readonly tau: number;
  readonly best: number;
  readonly worst: number;
  readonly reached: boolean;
}

/** Holds a plan's point against all pairs'. */
export function against(all: Point, plan: Point): Comparison {
  const tau = all.tau - plan.tau;
  const best = all.best - plan.best;
  const worst = all.worst - plan.worst;
  return {
    tau,
    best,
    worst,
    reached: tau <= tauMargin && best <= extremesMargin && worst <= extremesMargin,
  };
}
