// Scoring a group: one score per solution by the method, and in the direction, that a signal's specification names.
import {
  type ComponentScores,
  type PairVerdict,
  type PanelVerdicts,
  ScoreMethod,
  type SignalSpec,
  type Solution,
  type SolutionScore,
} from '@overtone/contracts';
import { bradleyTerryScore } from './bradley-terry-score.ts';
import { brevity } from './brevity.ts';
import { combination } from './combination.ts';
import { type Group, parseGroup } from './group.ts';
import { inverseEntropy } from './inverse-entropy.ts';
import { InvalidInput } from './invalid-input.ts';
import { inverseTopEntropy } from './inverse-top-entropy.ts';
import { residualiseLength } from './length-residual.ts';
import { meanLogprob } from './mean-logprob.ts';
import { checkPanel, panelPreferences, verdictsOfPanel } from './panel.ts';
import { askedPairs, checkVerdicts, preferencesOf } from './preferences.ts';
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
  /** The verdicts of several judges, for a panel. */
  panel?: readonly PanelVerdicts[];
  /** The scores to combine, for a combination. */
  components?: readonly ComponentScores[];
}

/** Whether a method needs verdicts: one judge's, or a panel's. */
export function isPairwise(method: ScoreMethod): boolean {
  return (
    method === ScoreMethod.SCORE_METHOD_WINS ||
    method === ScoreMethod.SCORE_METHOD_BRADLEY_TERRY ||
    method === ScoreMethod.SCORE_METHOD_PANEL
  );
}

/**
 * One score per solution, in their order; larger is better; identical texts share theirs. A length-residualised signal's scores
 * have lost what length explains of them; a reversed signal's scores are the others with the opposite sign.
 * @throws InvalidInput naming the field that is wrong
 */
export function scoreGroup(input: ScoreGroupInput, signal: SignalSpec): SolutionScore[] {
  const group = parseGroup(input.problemId, input.solutions);
  const raw = scoreTexts(group, input, signal);
  const scores = signal.residualiseLength ? residualiseLength(group, raw) : raw;
  return group.solutions.map(({ index }) => {
    const { score, standardError } = scores[group.textOf.get(index) ?? 0] ?? { score: 0, standardError: 0 };
    return { index, score: signal.reversed ? 0 - score : score, standardError };
  });
}

function scoreTexts(
  group: Group,
  { verdicts = [], panel = [], components = [] }: ScoreGroupInput,
  { method, seed }: SignalSpec,
): TextScore[] {
  switch (method) {
    case ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY:
      return inverseEntropy(group);
    case ScoreMethod.SCORE_METHOD_INVERSE_TOP_ENTROPY:
      return inverseTopEntropy(group);
    case ScoreMethod.SCORE_METHOD_MEAN_LOGPROB:
      return meanLogprob(group);
    case ScoreMethod.SCORE_METHOD_WINS:
      checkJudged(group, verdicts);
      return wins(group, preferencesOf(group, verdicts));
    case ScoreMethod.SCORE_METHOD_BRADLEY_TERRY:
      checkJudged(group, verdicts);
      return bradleyTerryScore(preferencesOf(group, verdicts), { partial: isPartial(group, verdicts) });
    case ScoreMethod.SCORE_METHOD_PANEL: {
      requirePairs(group, 'panel', panel.length);
      checkPanel(group, panel);
      const all = verdictsOfPanel(panel);
      requirePairs(group, 'panel[0].verdicts', all.length);
      return bradleyTerryScore(panelPreferences(group, panel), { partial: isPartial(group, all) });
    }
    case ScoreMethod.SCORE_METHOD_COMBINATION:
      return combination(group, components);
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

function checkJudged(group: Group, verdicts: readonly PairVerdict[]): void {
  requirePairs(group, 'verdicts', verdicts.length);
  checkVerdicts(group, verdicts);
}

function requirePairs(group: Group, field: string, verdicts: number): void {
  if (group.solutions.length < 2) {
    throw new InvalidInput(
      'solutions',
      `has ${group.solutions.length} solution; expected at least 2 for a pairwise method`,
    );
  }
  if (verdicts === 0 && group.texts.length > 1) {
    throw new InvalidInput(
      field,
      `is empty; expected a judge's verdicts on the planned pairs for a pairwise method`,
    );
  }
}

/** Whether a plan has left pairs of texts out. */
function isPartial(group: Group, verdicts: readonly PairVerdict[]): boolean {
  const size = group.texts.length;
  return askedPairs(group, verdicts).pairs < (size * (size - 1)) / 2;
}
