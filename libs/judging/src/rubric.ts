// The rubric: a deterministic judge of ChainSum solutions. It ranks them by style alone, the more explicit the better.
import { CHAIN_SUM_STYLES, classifyStyle, type ChainSumStyle } from '@overtone/tasks';

/** Changes whenever the rubric's verdicts may change. */
export const RUBRIC_VERSION = 'chain-sum-style-1';

/** The rank of a style, 0 for the best: steps > check > plan > regroup > terse > direct > other. */
export function styleRank(style: ChainSumStyle): number {
  return style === 'other' ? CHAIN_SUM_STYLES.length : CHAIN_SUM_STYLES.indexOf(style);
}

/** The rubric's preference for the first of two solutions: 1, 0, or 0.5 where both have the same rank. */
export function rubricPreference(first: string, second: string): 1 | 0.5 | 0 {
  const difference = styleRank(classifyStyle(second)) - styleRank(classifyStyle(first));
  return difference > 0 ? 1 : difference < 0 ? 0 : 0.5;
}
