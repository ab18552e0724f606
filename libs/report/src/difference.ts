// The difference of two systems on the same questions: how large, how sure, and how many questions it would take to see it.
import {
  bootstrapMean,
  detectableDifference,
  holm,
  mcnemarTest,
  pairedPermutationTest,
  questionsNeeded,
  standardDeviation,
} from '@overtone/statistics';
import type { ReportedDifference } from './measurement-schema.ts';

/** Resamples of the bootstrap; sign assignments of the permutation test, over all questions and over parts of them; and what power is of. */
export const METHOD = {
  resamples: 1000,
  level: 0.95,
  permutations: 10_000,
  partPermutations: 2000,
  alpha: 0.05,
  power: 0.8,
} as const;

/**
 * Compares value by value. Not yet adjusted for other comparisons: see `adjust`.
 *
 * @param pairs of each question: this system's value and the other's.
 * @param how `whole`: accuracies, which McNemar's test can be made of; `part`: of a difficulty or a style.
 */
export function difference(
  pairs: readonly (readonly [number, number])[],
  seed: number,
  how: 'whole' | 'part',
): ReportedDifference {
  const differences = pairs.map(([value, other]) => value - other);
  const { value, lower, upper } = bootstrapMean(differences, { seed, resamples: METHOD.resamples });
  const permutations = how === 'whole' ? METHOD.permutations : METHOD.partPermutations;
  const { pValue } = pairedPermutationTest(differences, { seed, permutations });
  return {
    value,
    ci95: [lower, upper],
    pValue,
    pHolm: null,
    mcnemar: how === 'whole' ? mcnemarOf(pairs) : null,
    power: powerOf(differences, value, METHOD.alpha),
  };
}

/** Most of a question's samples are right: what a question must be to count as solved. */
function isSolved(accuracy: number): boolean {
  return accuracy > 0.5;
}

function mcnemarOf(pairs: readonly (readonly [number, number])[]): ReportedDifference['mcnemar'] {
  const gained = pairs.filter(([value, other]) => isSolved(value) && !isSolved(other)).length;
  const lost = pairs.filter(([value, other]) => !isSolved(value) && isSolved(other)).length;
  return { gained, lost, pValue: mcnemarTest(gained, lost), pHolm: null };
}

function powerOf(differences: readonly number[], value: number, alpha: number): ReportedDifference['power'] {
  if (differences.length < 2) return null;
  const deviation = standardDeviation(differences);
  return { deviation, questions: differences.length, ...reach(value, deviation, differences.length, alpha) };
}

function reach(value: number, deviation: number, questions: number, alpha: number) {
  const { power } = METHOD;
  const finite = (number: number): number | null => (Number.isFinite(number) ? number : null);
  // A difference that is rounding alone would need questions by the quadrillion.
  const gain = Math.abs(value) < 1e-9 ? 0 : value;
  return {
    alpha,
    power,
    detectable: finite(detectableDifference(questions, deviation, { alpha, power })),
    questionsNeeded: finite(questionsNeeded(gain, deviation, { alpha, power })),
  };
}

/**
 * Adjusts a family of comparisons: p-values by Holm's method, McNemar's among themselves, and power for alpha divided by their
 * number, the level at which Holm's method starts.
 */
export function adjust(family: readonly ReportedDifference[]): void {
  const adjusted = holm(family.map(({ pValue }) => pValue));
  const tables = family.flatMap(({ mcnemar }) => (mcnemar === null ? [] : [mcnemar]));
  const adjustedTables = holm(tables.map(({ pValue }) => pValue));
  tables.forEach((table, index) => (table.pHolm = adjustedTables[index] ?? null));
  family.forEach((one, index) => {
    one.pHolm = adjusted[index] ?? null;
    if (one.power === null) return;
    const { deviation, questions } = one.power;
    one.power = { ...one.power, ...reach(one.value, deviation, questions, METHOD.alpha / family.length) };
  });
}
