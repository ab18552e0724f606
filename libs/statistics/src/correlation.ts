// Correlation of two variables: linear (Pearson) and of their ranks (Spearman).
import { mean } from './moments.ts';
import { ranks } from './ranks.ts';

/**
 * Pearson's correlation coefficient in [−1, 1].
 * @returns undefined when one of the variables is constant (or there are fewer than two values)
 * @throws RangeError when the variables have different lengths
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number | undefined {
  if (x.length !== y.length) {
    throw new RangeError(`correlation: ${x.length} values against ${y.length}; expected as many of both`);
  }
  if (x.length < 2) return undefined;
  const centreX = mean(x);
  const centreY = mean(y);
  let squaresX = 0;
  let squaresY = 0;
  let products = 0;
  for (let index = 0; index < x.length; index++) {
    const deviationX = (x[index] as number) - centreX;
    const deviationY = (y[index] as number) - centreY;
    squaresX += deviationX * deviationX;
    squaresY += deviationY * deviationY;
    products += deviationX * deviationY;
  }
  if (squaresX === 0 || squaresY === 0) return undefined;
  return Math.max(-1, Math.min(1, products / Math.sqrt(squaresX * squaresY)));
}

/**
 * Spearman's rank correlation in [−1, 1]: Pearson's coefficient of the mid-ranks.
 * @returns undefined when one of the variables is constant (or there are fewer than two values)
 * @throws RangeError when the variables have different lengths
 */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number | undefined {
  return pearson(ranks(x), ranks(y));
}
