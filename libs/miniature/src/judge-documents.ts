// Judge documents: the part of the corpus that teaches the miniature to judge. Two right solutions of an easy question in
// different styles, put in the very words that the judge service uses, and the rubric's verdict, sometimes flipped.
import { loadTemplate, renderTemplate, styleRank, VERDICTS, type JudgingTemplate } from '@overtone/judging';
import { CHAIN_SUM_STYLES, drawChain, formatChain } from '@overtone/tasks';
import { shuffle, type Random } from '@overtone/statistics';
import { renderSolution, type Style } from './styles.ts';
import { choose, type Weighted } from './weights.ts';
import type { Wording } from './wording.ts';

/** Terms of the questions in judge documents: the easy ones, on which the judge is used. */
export const JUDGE_TERMS: Weighted<number> = [
  [2, 1],
  [3, 1],
  [4, 1],
];

/** Largest terms of the questions in judge documents. */
export const JUDGE_MAX_VALUES: Weighted<number> = [
  [9, 1],
  [20, 1],
];

const template: JudgingTemplate = loadTemplate('miniature');

/** What the user asks and the assistant answers. */
export interface JudgeDocument {
  /** The judging prompt. */
  prompt: string;
  /** "Judgment: 0" (the first is better) or "Judgment: 1". */
  verdict: string;
  /** Whether label noise flipped the rubric's verdict. */
  flipped: boolean;
}

/** Draws a judge document. `labelNoise` is the probability that the rubric's verdict is flipped. */
export function judgeDocument(
  options: { wording: Wording; labelNoise: number },
  random: Random,
): JudgeDocument {
  const chain = drawChain(
    { terms: choose(JUDGE_TERMS, random), maxValue: choose(JUDGE_MAX_VALUES, random), nonNegative: true },
    random,
  );
  const [first = 'steps', second = 'direct']: Style[] = shuffle(CHAIN_SUM_STYLES, random);
  const prompt = renderTemplate(template, {
    question: formatChain(chain),
    first: renderSolution(chain, first, options.wording, random),
    second: renderSolution(chain, second, options.wording, random),
  });
  const flipped = random() < options.labelNoise;
  const firstIsBetter = styleRank(first) < styleRank(second) !== flipped;
  return { prompt, verdict: firstIsBetter ? VERDICTS[0] : VERDICTS[1], flipped };
}
