// The paired permutation (sign-flip) test: are two systems, measured on the same questions, equally good?
// If they were, each question's difference would be as likely to have the opposite sign. The p-value is the share of all
// sign assignments whose mean difference is at least as extreme as the one observed (Fisher 1935). All 2^n assignments are
// looked at where that is cheap; otherwise m random ones, with p = (extreme + 1) / (m + 1) (Phipson and Smyth 2010).
import { mean } from './moments.ts';
import { seededRandom } from './random.ts';

/** What to test and how. */
export interface PermutationTestOptions {
  /** Names the random stream; without effect when all assignments are looked at. */
  seed: number | string;
  /** How many sign assignments to look at; all of them when there are no more than this. Default 10,000. */
  permutations?: number;
  /** What is extreme: a mean difference far from zero, above it, or below it. Default 'two-sided'. */
  alternative?: 'two-sided' | 'greater' | 'less';
}

/** What the test found. */
export interface PermutationTest {
  /** Mean of the differences. */
  difference: number;
  /** Probability, if there were no difference, of a mean at least as extreme. */
  pValue: number;
  /** Whether all sign assignments were looked at. */
  exact: boolean;
}

/**
 * Tests whether per-question differences have mean zero.
 * @param differences one per question: first system minus second
 * @throws RangeError when there are no differences or `permutations` makes no sense
 */
export function pairedPermutationTest(
  differences: ArrayLike<number>,
  { seed, permutations = 10_000, alternative = 'two-sided' }: PermutationTestOptions,
): PermutationTest {
  if (!Number.isInteger(permutations) || permutations < 1) {
    throw new RangeError(
      `pairedPermutationTest: permutations is ${permutations}; expected an integer of at least 1`,
    );
  }
  const difference = mean(differences);
  // Questions without a difference change no sum, whatever their sign.
  const changed = Float64Array.from(differences).filter((value) => value !== 0);
  const scale = changed.reduce((sum, value) => sum + Math.abs(value), 0);
  // Sums that differ by rounding alone count as equal.
  const slack = scale * 1e-12;
  const extremeness = alternative === 'two-sided' ? Math.abs : alternative === 'greater' ? same : negative;
  const threshold = extremeness(changed.reduce((sum, value) => sum + value, 0)) - slack;

  const exact = 2 ** changed.length <= permutations;
  let extreme = 0;
  if (exact) {
    const assignments = 2 ** changed.length;
    for (let signs = 0; signs < assignments; signs++) {
      let sum = 0;
      for (let index = 0; index < changed.length; index++) {
        sum += (signs >>> index) & 1 ? -(changed[index] as number) : (changed[index] as number);
      }
      if (extremeness(sum) >= threshold) extreme++;
    }
    return { difference, pValue: extreme / assignments, exact };
  }
  const random = seededRandom('paired-permutation-test', seed);
  for (let permutation = 0; permutation < permutations; permutation++) {
    let sum = 0;
    for (let index = 0; index < changed.length; index++) {
      sum += random() < 0.5 ? -(changed[index] as number) : (changed[index] as number);
    }
    if (extremeness(sum) >= threshold) extreme++;
  }
  return { difference, pValue: (extreme + 1) / (permutations + 1), exact };
}

function same(value: number): number {
  return value;
}

function negative(value: number): number {
  return -value;
}
