// Questions with solutions from elsewhere: JSONL, one question a line, read as it is asked for.
import type { PairVerdict, Solution } from '@overtone/contracts';
import { z } from 'zod';
import { readQuestionLines } from '../question-lines.ts';

const solution = z.looseObject({
  text: z.string().min(1),
  meanEntropy: z.number().optional(),
  meanLogprob: z.number().optional(),
  topEntropy: z.number().optional(),
  tokens: z.int().min(0).optional(),
});

const row = z.looseObject({
  id: z.string().min(1),
  question: z.string().min(1),
  solutions: z.array(
    // A solution may be its text alone.
    z.preprocess((value) => (typeof value === 'string' ? { text: value } : value), solution),
  ),
  verdicts: z.record(z.string(), z.json()).optional(),
});

/** A line of the file; what it holds beyond these fields is kept. */
export type QuestionRow = z.infer<typeof row>;

/** A line with the verdicts of judges, by their names. */
export type JudgedRow = Omit<QuestionRow, 'verdicts'> & {
  readonly verdicts: Readonly<Record<string, unknown>>;
};

/** Reads the questions of a file. @throws InputError that names the line and what is wrong with it. */
export async function* readQuestions(path: string): AsyncGenerator<QuestionRow> {
  const expected = '{"id", "question", "solutions": [{"text"}]}';
  for await (const { question } of readQuestionLines(path, row, expected)) yield question;
}

/** Solutions as the scorer sees them. */
export function solutionsOf({ solutions }: Pick<QuestionRow, 'solutions'>): Solution[] {
  return solutions.map((each, index) => {
    const { text, meanEntropy = 0, meanLogprob = 0, tokens = 0, topEntropy } = solution.parse(each);
    return { index, text, meanEntropy, meanLogprob, tokens, topEntropy };
  });
}

/** A question with further verdicts. */
export function withJudged(
  question: QuestionRow,
  judged: Readonly<Record<string, readonly PairVerdict[]>>,
): JudgedRow {
  return { ...question, verdicts: { ...question.verdicts, ...judged } };
}
