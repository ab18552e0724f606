// The metrics of an evaluation: a pure function of which samples were right.
import type { EvaluationMetrics } from '@overtone/contracts';
import { clusterBootstrap, passAtK } from '@overtone/statistics';

/** What was seen of one problem's samples. */
export interface ProblemTally {
  /** The problem's difficulty. */
  difficulty: string;
  /** Samples, the k of avg@k and pass@k; the same for all problems. */
  samples: number;
  /** Samples whose answer equals the reference. */
  correct: number;
  /** Samples without a readable answer. */
  unanswered: number;
  /** Samples cut at the token limit. */
  truncated: number;
  /** Tokens sampled, over all samples. */
  tokens: number;
}

/**
 * Metrics over all problems (difficulty ""), then over those of each difficulty, in the order of first appearance.
 * Problems without a difficulty appear under "" alone. The interval of avg@k is a percentile bootstrap over problems:
 * samples of one problem are not independent.
 *
 * @param seed of the bootstrap.
 */
export function computeMetrics(tallies: readonly ProblemTally[], seed: number): EvaluationMetrics[] {
  const groups = Map.groupBy(tallies, (tally) => tally.difficulty);
  groups.delete('');
  return [
    metricsOf('', tallies, seed),
    ...[...groups].map(([difficulty, members]) => metricsOf(difficulty, members, seed)),
  ];
}

function metricsOf(difficulty: string, tallies: readonly ProblemTally[], seed: number): EvaluationMetrics {
  const samples = tallies[0]?.samples ?? 0;
  const total = (count: (tally: ProblemTally) => number): number =>
    tallies.reduce((sum, tally) => sum + count(tally), 0);
  const all = total((tally) => tally.samples);
  const interval = clusterBootstrap(
    tallies.map((tally) => [tally.correct, tally.samples]),
    ([correct = 0, count = 0]) => (count > 0 ? correct / count : undefined),
    { seed },
  );
  if (!interval)
    throw new RangeError(`no samples to compute metrics from (difficulty ${JSON.stringify(difficulty)})`);
  return {
    difficulty,
    problems: tallies.length,
    samples,
    avg: interval.value,
    avgLower: interval.lower,
    avgUpper: interval.upper,
    pass: total((tally) => passAtK(tally.samples, tally.correct, samples)) / tallies.length,
    meanTokens: total((tally) => tally.tokens) / all,
    truncated: total((tally) => tally.truncated) / all,
    unanswered: total((tally) => tally.unanswered) / all,
  };
}
