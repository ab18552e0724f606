// ChainSum: distinct chains of additions and subtractions as problems, drawn from a seed.
import { seededRandom } from '@overtone/statistics';
import type { Problem } from '../problem.ts';
import { drawChain, formatChain, runningTotals, type Chain } from './chain.ts';

/** What to draw. */
export interface ChainSumOptions {
  /** Determines the problems. */
  seed: number;
  /** How many problems, at least 1. */
  count: number;
  /** Fewest terms of a question, at least 2. */
  minTerms: number;
  /** Most terms of a question; the number is uniform between both. */
  maxTerms: number;
  /** Terms are uniform in [1, maxValue]; of several values, each question takes one at random. At least 1 each. */
  maxValue: number | readonly number[];
  /** Keep every running total at 0 or above. Default false. */
  nonNegative?: boolean;
  /** Ids of problems not to draw, to keep splits apart. Default none. */
  exclude?: ReadonlySet<string>;
}

const ATTEMPTS_PER_PROBLEM = 200;

/**
 * Draws distinct ChainSum problems. Ids derive from the question: the same question has the same id in every split.
 * A longer draw from the same seed begins with the shorter one.
 *
 * @throws RangeError when an option is out of range, or when there are not enough distinct questions.
 */
export function chainSum(options: ChainSumOptions): Problem[] {
  const maxValues = typeof options.maxValue === 'number' ? [options.maxValue] : options.maxValue;
  requireInteger('count', options.count, 1);
  requireInteger('minTerms', options.minTerms, 2);
  requireInteger('maxTerms', options.maxTerms, options.minTerms);
  if (maxValues.length === 0)
    throw new RangeError('maxValue: expected at least one value, got an empty list');
  for (const value of maxValues) requireInteger('maxValue', value, 1);

  const random = seededRandom('chain-sum', options.seed);
  const problems = new Map<string, Problem>();
  let attempts = options.count * ATTEMPTS_PER_PROBLEM;
  while (problems.size < options.count) {
    if (attempts-- === 0) {
      throw new RangeError(
        `count: found only ${problems.size} distinct questions of ${options.count} with ${options.minTerms} to ${options.maxTerms} terms up to ${maxValues.join(' or ')}` +
          `${options.exclude?.size ? ` beside the ${options.exclude.size} excluded` : ''}; ask for fewer, or allow more terms or larger values`,
      );
    }
    const terms = options.minTerms + Math.floor(random() * (options.maxTerms - options.minTerms + 1));
    const maxValue = maxValues[Math.floor(random() * maxValues.length)] ?? 1;
    const problem = chainSumProblem(
      drawChain({ terms, maxValue, nonNegative: options.nonNegative }, random),
      maxValue,
    );
    if (!problems.has(problem.id) && !options.exclude?.has(problem.id)) problems.set(problem.id, problem);
  }
  return [...problems.values()];
}

/** The problem that a chain states; `maxValue` goes into its label of difficulty. */
export function chainSumProblem(chain: Chain, maxValue: number): Problem {
  const question = formatChain(chain);
  return {
    id: `chain-sum/${question.replaceAll(' ', '')}`,
    question,
    answer: String(runningTotals(chain).at(-1) ?? 0),
    difficulty: `terms=${chain.length},max=${maxValue}`,
  };
}

function requireInteger(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name}: expected an integer of at least ${least}, got ${value}`);
  }
}
