// Scoring a group: one score per solution by the method, and in the direction, that a signal's specification names.
import {
  type PairVerdict,
  ScoreMethod,
  type SignalSpec,
  type Solution,
  type SolutionScore,
} from '@overtone/contracts';
import { bradleyTerryScore } from './bradley-terry-score.ts';
import { brevity } from './brevity.ts';
import { type Group, parseGroup } from './group.ts';
import { inverseEntropy } from './inverse-entropy.ts';
import { InvalidInput } from './invalid-input.ts';
import { checkVerdicts, type Preferences, preferencesOf } from './preferences.ts';
import { randomScore } from './random.ts';
import type { TextScore } from './text-score.ts';
import { wins } from './wins.ts';

/** What to score. */
export interface ScoreGroupInput {
  /** The problem's id. */
  problemId: string;
  /** The solutions; at least two for a pairwise method. */
  solutions: readonly Solution[];
  /** A judge's verdicts, for a pairwise method; other methods do not look at them. */
  verdicts?: readonly PairVerdict[];
}

/** Whether a method needs a judge's verdicts. */
export function isPairwise(method: ScoreMethod): boolean {
  return method === ScoreMethod.SCORE_METHOD_WINS || method === ScoreMethod.SCORE_METHOD_BRADLEY_TERRY;
}

/**
 * One score per solution, in their order; larger is better; identical texts share theirs. A reversed signal's scores are
 * the method's with the opposite sign.
 * @throws InvalidInput naming the field that is wrong
 */
export function scoreGroup(input: ScoreGroupInput, signal: SignalSpec): SolutionScore[] {
  const group = parseGroup(input.problemId, input.solutions);
  const scores = scoreTexts(group, input.verdicts ?? [], signal);
  return group.solutions.map(({ index }) => {
    const { score, standardError } = scores[group.textOf.get(index) ?? 0] ?? { score: 0, standardError: 0 };
    return { index, score: signal.reversed ? 0 - score : score, standardError };
  });
}

function scoreTexts(
  group: Group,
  verdicts: readonly PairVerdict[],
  { method, seed }: SignalSpec,
): TextScore[] {
  switch (method) {
    case ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY:
      return inverseEntropy(group);
    case ScoreMethod.SCORE_METHOD_WINS:
      return wins(group, requirePreferences(group, verdicts));
    case ScoreMethod.SCORE_METHOD_BRADLEY_TERRY:
      return bradleyTerryScore(requirePreferences(group, verdicts));
    case ScoreMethod.SCORE_METHOD_RANDOM:
      return randomScore(group, seed);
    case ScoreMethod.SCORE_METHOD_BREVITY:
      return brevity(group);
    default:
      throw new InvalidInput(
        'signal.method',
        `is ${method}; expected one of the methods of the contract, such as SCORE_METHOD_WINS`,
      );
  }
}

function requirePreferences(group: Group, verdicts: readonly PairVerdict[]): Preferences {
  if (group.solutions.length < 2) {
    throw new InvalidInput(
      'solutions',
      `has ${group.solutions.length} solution; expected at least 2 for a pairwise method`,
    );
  }
  if (verdicts.length === 0 && group.texts.length > 1) {
    throw new InvalidInput(
      'verdicts',
      `is empty; expected a judge's verdicts on the planned pairs for a pairwise method`,
    );
  }
  checkVerdicts(group, verdicts);
  return preferencesOf(group, verdicts);
}
