// A chain: one addition or subtraction after the other, "12 + 5 - 3". The arithmetic beneath the ChainSum task.
import type { Random } from '@overtone/statistics';

/** A chain of signed terms; "12 + 5 - 3" is [12, 5, -3]. The first is positive, none is zero. */
export type Chain = readonly number[];

/** How to draw a chain. */
export interface ChainDrawOptions {
  /** Number of terms, at least 2. */
  terms: number;
  /** Largest absolute value of a term; values are uniform in [1, maxValue]. */
  maxValue: number;
  /** Keep every running total at 0 or above: a subtraction that would fall below becomes an addition. Default false. */
  nonNegative?: boolean;
}

/** Draws a chain: terms uniform in [1, maxValue], signs fair coins. */
export function drawChain(options: ChainDrawOptions, random: Random): number[] {
  const chain: number[] = [];
  let total = 0;
  for (let i = 0; i < options.terms; i++) {
    const value = 1 + Math.floor(random() * options.maxValue);
    const subtract = i > 0 && random() < 0.5 && !(options.nonNegative && total < value);
    chain.push(subtract ? -value : value);
    total += subtract ? -value : value;
  }
  return chain;
}

/** The chain as a question: "12 + 5 - 3". */
export function formatChain(chain: Chain): string {
  return chain.map((term, i) => (i === 0 ? `${term}` : term < 0 ? ` - ${-term}` : ` + ${term}`)).join('');
}

/** The chain that a question states, or undefined when the question is not a chain of two or more terms. */
export function parseChain(question: string): number[] | undefined {
  if (!/^\s*\d+(?:\s*[+-]\s*\d+)+\s*$/.test(question)) return undefined;
  return [...question.matchAll(/([+-]?)\s*(\d+)/g)].map((match) =>
    match[1] === '-' ? -Number(match[2]) : Number(match[2]),
  );
}

/** The running totals after the first, second, … last term; the last is the answer. */
export function runningTotals(chain: Chain): number[] {
  let total = 0;
  return chain.map((term) => (total += term));
}
