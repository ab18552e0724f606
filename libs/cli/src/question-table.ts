// All that a run knows of a question, for a terminal: solutions with their scores, verdicts in both orders, answers of every arm.
import type { ShownQuestion } from '@overtone/experiment/history';
import { columns, formatShare } from '@overtone/report';

/** A question as text. */
export function renderQuestion(question: ShownQuestion): string {
  const { id, split, difficulty, saturated, solutions, answers } = question;
  const facts = [
    split,
    difficulty,
    solutions.length === 0 ? '' : saturated ? 'saturated: all solutions are correct' : 'not saturated',
  ];
  const parts = [
    `${id}\n${facts.filter((fact) => fact !== null && fact !== '').join(' · ')}`,
    ...(question.question === '' ? [] : [`${question.question}\nAnswer: ${question.answer}`]),
    ...(solutions.length === 0 ? [] : [solutionTable(question), ...texts(question)]),
    ...(question.verdicts.length === 0 ? [] : [verdictTable(question)]),
    ...(answers.length === 0 ? [] : [answerTable(question)]),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Solutions by the score of the first signal that is no control, the best first. */
function ranked({ solutions }: ShownQuestion): ShownQuestion['solutions'] {
  const [signal] = Object.keys(solutions[0]?.scores ?? {}).filter((name) => name !== 'random');
  if (signal === undefined) return solutions;
  return [...solutions].sort((left, right) => (right.scores[signal] ?? 0) - (left.scores[signal] ?? 0));
}

function solutionTable(question: ShownQuestion): string {
  const signals = [...new Set(question.solutions.flatMap(({ scores }) => Object.keys(scores)))];
  const rows = ranked(question).map(({ index, tokens, meanEntropy, meanLogprob, scores }) => [
    `#${index}`,
    String(tokens),
    meanEntropy.toFixed(3),
    meanLogprob.toFixed(3),
    ...signals.map((signal) => {
      const score = scores[signal];
      return score === undefined ? '–' : score.toFixed(3);
    }),
  ]);
  return columns(['solution', 'tokens', 'entropy', 'logprob', ...signals], rows, 1);
}

function texts(question: ShownQuestion): string[] {
  // The same text may have been sampled several times.
  const byText = Map.groupBy(ranked(question), ({ text }) => text);
  return [...byText].map(
    ([text, own]) => `${own.map(({ index }) => `#${index}`).join(', ')}\n${text.replaceAll(/^/gm, '  ')}`,
  );
}

function verdictTable({ verdicts }: ShownQuestion): string {
  const share = (value: number | null): string => (value === null ? 'unreadable' : formatShare(value));
  const rows = verdicts.map(({ judge, i, j, forward, backward }) => [
    judge,
    `#${i} or #${j}`,
    share(forward),
    share(backward),
    forward === null || backward === null
      ? '–'
      : (forward - 0.5) * (backward - 0.5) < 0
        ? 'the orders disagree'
        : forward + backward === 1
          ? 'neither'
          : `#${forward + backward > 1 ? i : j}`,
  ]);
  return columns(['judge', 'pair', 'first shown first', 'second shown first', 'prefers'], rows, 2);
}

function answerTable({ answers }: ShownQuestion): string {
  const rows = answers.map(({ system, correct, samples }) => [
    system,
    `${correct} of ${samples.length}`,
    Math.round(samples.reduce((sum, { tokens }) => sum + tokens, 0) / samples.length).toString(),
  ]);
  return columns(['measured', 'correct', 'tokens'], rows, 1);
}
