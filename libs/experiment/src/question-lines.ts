// Questions of a JSONL file, one a line, read as they are asked for: checked, each id once, every complaint with its line.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { InputError, oneLine } from './input-error.ts';

/** A question with the place where it stands, for complaints about it. */
export interface QuestionLine<Question> {
  readonly question: Question;
  /** File and line. */
  readonly where: string;
}

/**
 * Reads the questions of a file; empty lines are passed over.
 *
 * @param source the file's path, or a stream of its text.
 * @param expected what a line should be, in a few words, for complaints.
 * @throws InputError naming line and field that are wrong, or a file without a question
 */
export async function* readQuestionLines<Question extends { id: string }>(
  source: string | Readable,
  schema: z.ZodType<Question>,
  expected: string,
): AsyncGenerator<QuestionLine<Question>> {
  const path = nameOfSource(source);
  const input = typeof source === 'string' ? createReadStream(source, 'utf8') : source;
  const ids = new Set<string>();
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number++;
    if (line.trim() === '') continue;
    const where = `${path}, line ${number}`;
    const question = parseQuestion(line, schema, where, expected);
    if (ids.has(question.id))
      throw new InputError(
        `${where}: id: "${question.id}" has occurred before; expected every question once`,
      );
    ids.add(question.id);
    yield { question, where };
  }
  if (ids.size === 0) throw new InputError(`${path}: has no question; expected ${expected} a line`);
}

/** What a source is called in complaints. */
export function nameOfSource(source: string | Readable): string {
  return typeof source === 'string' ? source : 'standard input';
}

function parseQuestion<Question>(
  line: string,
  schema: z.ZodType<Question>,
  where: string,
  expected: string,
): Question {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    const reason = oneLine(error instanceof Error ? error.message : String(error));
    throw new InputError(`${where}: is not JSON: ${reason}; expected ${expected}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = (issue?.path ?? []).reduce<string>(
    (path, part) =>
      typeof part === 'number' ? `${path}[${part}]` : path === '' ? String(part) : `${path}.${String(part)}`,
    '',
  );
  throw new InputError(
    `${where}: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'is malformed'}; expected ${expected}`,
  );
}
