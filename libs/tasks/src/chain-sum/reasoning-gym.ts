// ChainSum with the parameters, the distribution and the wording of reasoning-gym's `chain_sum` (its version 0.1.25). The
// stream of random numbers is Overtone's own: the same seed draws other questions than it does there.
import { type Random, randomInteger, seededRandom } from '@overtone/statistics';
import type { Problem } from '../problem.ts';

/** What to draw; names and defaults are reasoning-gym's. */
export interface ReasoningGymOptions {
  /** Determines the problems. */
  seed: number;
  /** How many problems. Default 500. */
  size?: number;
  /** Fewest terms, at least 1. Default 2. */
  minTerms?: number;
  /** Most terms; the number is uniform between both. Default 6. */
  maxTerms?: number;
  /** Fewest digits of a term, at least 1. Default 1. */
  minDigits?: number;
  /** Most digits, at most 15; every question takes one number of digits for all of its terms, uniform between both. Default 4. */
  maxDigits?: number;
  /**
   * Draw terms uniform in [-(10^d - 1), 10^d - 1]; else they have exactly d digits and are positive, or 0 to 9 for one
   * digit. Default false.
   */
  allowNegation?: boolean;
  /** Ids of problems not to draw, to keep splits apart. Default none. */
  exclude?: ReadonlySet<string>;
}

const ATTEMPTS_PER_PROBLEM = 200;

/**
 * Draws ChainSum problems as reasoning-gym does, but distinct ones: a question that was drawn before, or is excluded, is
 * drawn again. Questions read "State the final answer to the following arithmetic problem: 4 + 3 ="; a longer draw from
 * the same seed begins with the shorter one.
 *
 * @throws RangeError when an option is out of range, or when there are not enough distinct questions.
 */
export function reasoningGymChainSum({
  seed,
  size = 500,
  minTerms = 2,
  maxTerms = 6,
  minDigits = 1,
  maxDigits = 4,
  allowNegation = false,
  exclude,
}: ReasoningGymOptions): Problem[] {
  requireInteger('size', size, 1);
  requireInteger('minTerms', minTerms, 1);
  requireInteger('maxTerms', maxTerms, minTerms);
  requireInteger('minDigits', minDigits, 1);
  requireInteger('maxDigits', maxDigits, minDigits, 15);
  const random = seededRandom('reasoning-gym/chain-sum', seed);
  const problems = new Map<string, Problem>();
  let attempts = size * ATTEMPTS_PER_PROBLEM;
  while (problems.size < size) {
    if (attempts-- === 0) {
      throw new RangeError(
        `size: found only ${problems.size} distinct questions of ${size} with ${minTerms} to ${maxTerms} terms of ${minDigits} to ${maxDigits} digits` +
          `${exclude?.size ? ` beside the ${exclude.size} excluded` : ''}; ask for fewer, or allow more terms or digits`,
      );
    }
    const terms = between(random, minTerms, maxTerms);
    const digits = between(random, minDigits, maxDigits);
    const problem = drawProblem(random, terms, digits, allowNegation);
    if (!problems.has(problem.id) && !exclude?.has(problem.id)) problems.set(problem.id, problem);
  }
  return [...problems.values()];
}

function drawProblem(random: Random, terms: number, digits: number, allowNegation: boolean): Problem {
  const most = 10 ** digits - 1;
  const least = allowNegation ? -most : digits === 1 ? 0 : 10 ** (digits - 1);
  const values = Array.from({ length: terms }, () => between(random, least, most));
  let expression = String(values[0] ?? 0);
  let total = BigInt(values[0] ?? 0);
  for (const value of values.slice(1)) {
    const subtract = random() < 0.5;
    expression += ` ${subtract ? '-' : '+'} ${value}`;
    total += subtract ? -BigInt(value) : BigInt(value);
  }
  return {
    id: `reasoning-gym/chain-sum/${expression.replaceAll(' ', '')}`,
    question: `State the final answer to the following arithmetic problem: ${expression} =`,
    answer: String(total),
    difficulty: `terms=${terms},digits=${digits}`,
  };
}

/** Uniform between two integers, both included; above the 32 bits of one draw, by rejection from the 53 of two. */
function between(random: Random, least: number, most: number): number {
  const range = most - least + 1;
  if (range <= 2 ** 32) return least + randomInteger(random, range);
  for (;;) {
    const drawn = randomInteger(random, 2 ** 21) * 2 ** 32 + randomInteger(random, 2 ** 32);
    if (drawn < Math.floor(2 ** 53 / range) * range) return least + (drawn % range);
  }
}

function requireInteger(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const limit = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`;
    throw new RangeError(`${name}: expected an integer of ${limit}, got ${value}`);
  }
}
