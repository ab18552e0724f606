// From evaluated samples to what they came to, question by question.
import { FinishReason } from '@overtone/contracts';
import type { QuestionOutcome, StyleCount } from '@overtone/report';
import { type Problem, readAnswer, type Verifier, verify } from '@overtone/tasks';
import { z } from 'zod';
import type { StyleOf } from '../task-style.ts';

/** A line of an evaluation's artifact. */
export const evaluatedSample = z.object({
  problemId: z.string(),
  sampleIndex: z.int(),
  text: z.string(),
  correct: z.boolean(),
  answered: z.boolean(),
  tokens: z.int(),
  finishReason: z.enum(FinishReason),
});
/** A sample that was verified. */
export type EvaluatedRow = z.infer<typeof evaluatedSample>;

/** What to count, besides correct samples. */
export interface CountOptions {
  readonly verifier: Verifier;
  readonly style?: StyleOf | undefined;
}

/** The outcome of every problem, in their order. */
export function outcomesOf(
  rows: readonly EvaluatedRow[],
  problems: readonly Problem[],
  { verifier, style }: CountOptions,
): QuestionOutcome[] {
  const byProblem = Map.groupBy(rows, ({ problemId }) => problemId);
  return problems.map((problem) => {
    const own = byProblem.get(problem.id) ?? [];
    const wrong = votesAgainst(own, problem, verifier);
    return {
      problemId: problem.id,
      difficulty: problem.difficulty,
      samples: own.length,
      correct: count(own, ({ correct }) => correct),
      ...(wrong === undefined ? {} : { wrong }),
      tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
      truncated: count(own, ({ finishReason }) => finishReason === FinishReason.FINISH_REASON_LENGTH),
      unanswered: count(own, ({ answered }) => !answered),
      ...(style === undefined ? {} : { styles: stylesOf(own, style) }),
    };
  });
}

/** The final answer that a sample votes for, as far as it can be read; the right one of a number in whatever form it is written. */
export function answerOf(
  { text }: Pick<EvaluatedRow, 'text'>,
  problem: Problem,
  verifier: Verifier,
): string | undefined {
  // A verifier of one's own may be slow, and need not say what it read.
  return verifier.sha256 === '' ? verify(problem, text).answer : readAnswer(text);
}

/** How often each wrong answer occurs; undefined where one counts as answered that cannot be read here. */
function votesAgainst(
  rows: readonly EvaluatedRow[],
  problem: Problem,
  verifier: Verifier,
): number[] | undefined {
  const votes = new Map<string, number>();
  for (const row of rows) {
    if (row.correct || !row.answered) continue;
    const answer = answerOf(row, problem, verifier)?.trim().toLowerCase();
    if (answer === undefined) return undefined;
    votes.set(answer, (votes.get(answer) ?? 0) + 1);
  }
  return [...votes.values()];
}

function stylesOf(rows: readonly EvaluatedRow[], style: StyleOf): Record<string, StyleCount> {
  const byStyle = Map.groupBy(rows, ({ text }) => style(text));
  return Object.fromEntries(
    [...byStyle].map(([name, members]) => [
      name,
      {
        samples: members.length,
        correct: count(members, ({ correct }) => correct),
        tokens: members.reduce((sum, { tokens }) => sum + tokens, 0),
      },
    ]),
  );
}

function count<Item>(items: readonly Item[], is: (item: Item) => boolean): number {
  return items.reduce((sum, item) => sum + Number(is(item)), 0);
}
