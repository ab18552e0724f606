// A question as metrics see it: its outcomes, averaged over the runs (training seeds) of one system. Every question counts
// alike, and every run counts alike within a question.
import { majAtK, passAtK } from '@overtone/statistics';
import type { QuestionOutcome, StyleCount } from './question-outcome.ts';

/** One question of one system. Means over runs; counts per run. */
export interface QuestionRow {
  readonly problemId: string;
  readonly difficulty: string;
  /** Mean accuracy. */
  readonly avg: number;
  /** For each k that was asked for: pass@k and maj@k. */
  readonly at: readonly { readonly k: number; readonly pass: number; readonly maj: number | undefined }[];
  /** Samples. */
  readonly samples: number;
  readonly tokens: number | undefined;
  readonly truncated: number | undefined;
  readonly unanswered: number | undefined;
  readonly styles: Readonly<Record<string, StyleCount>> | undefined;
}

/** The ks of a curve: powers of two below n, and n. */
export function curveOf(samples: number): number[] {
  const ks: number[] = [];
  for (let k = 1; k < samples; k *= 2) ks.push(k);
  return samples >= 1 ? [...ks, samples] : ks;
}

/** The fewest samples of any question. */
export function fewestSamples(runs: readonly (readonly QuestionOutcome[])[]): number {
  const fewest = runs.flat().reduce((least, { samples }) => Math.min(least, samples), Infinity);
  return fewest === Infinity ? 0 : fewest;
}

/**
 * Pools the runs of a system, question by question, in the order of the first run.
 *
 * @param ks of pass@k and maj@k, none larger than the samples of a question.
 */
export function poolRuns(
  runs: readonly (readonly QuestionOutcome[])[],
  ks: readonly number[],
): QuestionRow[] {
  const remembered = new Map<string, QuestionRow['at']>();
  const atOf = (outcome: QuestionOutcome): QuestionRow['at'] => {
    const signature = `${outcome.samples} ${outcome.correct} ${outcome.wrong?.join() ?? '-'}`;
    const at = remembered.get(signature) ?? measureAt(outcome, ks);
    remembered.set(signature, at);
    return at;
  };
  const byQuestion = Map.groupBy(runs.flat(), ({ problemId }) => problemId);
  return [...byQuestion].map(([problemId, outcomes]): QuestionRow => {
    const ats = outcomes.map(atOf);
    return {
      problemId,
      difficulty: outcomes[0]?.difficulty ?? '',
      avg: Math.min(1, meanOf(outcomes, ({ correct, samples }) => correct / samples) ?? 0),
      at: ks.map((k, index) => ({
        k,
        pass: meanOf(ats, (at) => at[index]?.pass) ?? 0,
        maj: meanOf(ats, (at) => at[index]?.maj),
      })),
      samples: meanOf(outcomes, ({ samples }) => samples) ?? 0,
      tokens: meanOf(outcomes, ({ tokens }) => tokens),
      truncated: meanOf(outcomes, ({ truncated }) => truncated),
      unanswered: meanOf(outcomes, ({ unanswered }) => unanswered),
      styles: poolStyles(outcomes),
    };
  });
}

function measureAt({ samples, correct, wrong }: QuestionOutcome, ks: readonly number[]): QuestionRow['at'] {
  return ks.map((k) => ({
    k,
    pass: passAtK(samples, correct, k),
    maj: wrong === undefined ? undefined : majAtK({ samples, correct, wrong }, k),
  }));
}

function poolStyles(outcomes: readonly QuestionOutcome[]): QuestionRow['styles'] {
  if (outcomes.some(({ styles }) => styles === undefined)) return undefined;
  const names = new Set(outcomes.flatMap(({ styles }) => Object.keys(styles ?? {})));
  const mean = (style: string, count: keyof StyleCount): number =>
    meanOf(outcomes, ({ styles }) => styles?.[style]?.[count] ?? 0) ?? 0;
  return Object.fromEntries(
    [...names].map((style) => [
      style,
      {
        samples: mean(style, 'samples'),
        correct: mean(style, 'correct'),
        tokens: mean(style, 'tokens'),
      },
    ]),
  );
}

/** Mean of what is defined for all items; undefined where it is not defined for one, or there is none. */
export function meanOf<Item>(
  items: readonly Item[],
  value: (item: Item) => number | undefined,
): number | undefined {
  let sum = 0;
  for (const item of items) {
    const own = value(item);
    if (own === undefined) return undefined;
    sum += own;
  }
  return items.length === 0 ? undefined : sum / items.length;
}
