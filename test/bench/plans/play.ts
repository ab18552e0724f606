// Playing a plan against verdicts that are all there: it reads only what it asks for, round by round, as against a judge.
import type { ComparisonPlan, PairVerdict, Solution } from '@overtone/contracts';
import { ScoreMethod } from '@overtone/contracts';
import { parseGroup, planComparisons, scoreGroup } from '@overtone/signals';
import { kendallTauB } from '@overtone/statistics';

/** A group whose verdicts are all known. */
export interface JudgedGroup {
  readonly problemId: string;
  readonly solutions: readonly Solution[];
  /** One a pair of solutions. */
  readonly verdicts: readonly PairVerdict[];
  /** What scores are held against, one per solution; larger is better. */
  readonly truth: readonly number[];
}

/** What a plan was told, in the order in which it asked. */
export interface Play {
  readonly verdicts: readonly PairVerdict[];
  /** Rounds it asked in, until the budget. */
  readonly rounds: number;
}

/** How good scores are. */
export interface Quality {
  /** Kendall's tau-b with the truth. */
  readonly tau: number;
  /** 1 when the truly best solution comes out best, else 0. */
  readonly best: number;
  /** 1 when the truly worst solution comes out worst, else 0. */
  readonly worst: number;
}

/** Solutions of which the index and nothing else matters. */
export function blankSolutions(indices: readonly number[]): Solution[] {
  return indices.map((index) => ({
    index,
    text: `solution ${index}`,
    meanEntropy: 1,
    meanLogprob: -1,
    tokens: 1,
  }));
}

/** Asks as the plan says until it is done or has spent the budget; 0 is the plan's own. */
export function play(group: JudgedGroup, plan: ComparisonPlan, maxPairs: number, seed: number): Play {
  const parsed = parseGroup(group.problemId, group.solutions);
  const table = new Map(group.verdicts.map((verdict) => [`${verdict.i} ${verdict.j}`, verdict]));
  const verdicts: PairVerdict[] = [];
  for (let rounds = 0; ; rounds++) {
    const pairs = planComparisons(parsed, plan, { verdicts, maxPairs, seed });
    if (pairs.length === 0) return { verdicts, rounds };
    for (const { i, j } of pairs) {
      const verdict = table.get(`${i} ${j}`);
      if (verdict === undefined)
        throw new Error(`group "${group.problemId}" has no verdict on the pair ${i}, ${j}`);
      verdicts.push(verdict);
    }
  }
}

/** Scores by Bradley–Terry from some of a group's verdicts, and holds them against the truth. */
export function qualityOf(group: JudgedGroup, verdicts: readonly PairVerdict[]): Quality {
  const signal = {
    method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
    reversed: false,
    seed: 0,
    residualiseLength: false,
  };
  const { problemId, solutions, truth } = group;
  const scores = scoreGroup({ problemId, solutions, verdicts }, signal).map(({ score }) => rounded(score));
  const level = truth.map(rounded);
  /** Whether what comes out as extreme is so in truth, alone or among equals. */
  const finds = (extreme: (...values: number[]) => number): number =>
    level[scores.indexOf(extreme(...scores))] === extreme(...level) ? 1 : 0;
  return {
    tau: kendallTauB(scores, level) ?? 0,
    best: finds(Math.max),
    worst: finds(Math.min),
  };
}

/** To a millionth: what differs by less is a tie that was computed in two ways. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
