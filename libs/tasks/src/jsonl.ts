// Problems from a JSONL file: one {"question", "answer"} object a line, with optional "id" and "difficulty".
// Answers in GSM8K's form, a worked solution that ends in "#### 42", are understood.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { canonicalInteger } from './answer.ts';
import type { Problem } from './problem.ts';

/**
 * Reads a JSONL file of problems.
 *
 * @param path the file, UTF-8.
 * @throws Error that names the file and the line when a line is not what was expected, or when the file is empty.
 */
export async function loadJsonl(path: string, options: { signal?: AbortSignal } = {}): Promise<Problem[]> {
  return parseJsonl(await readFile(path, { encoding: 'utf8', signal: options.signal }), path);
}

/**
 * Parses JSONL text to problems. Blank lines are skipped. A missing id is derived from the question, so that the same
 * question has the same id wherever it stands; a missing difficulty is "".
 *
 * @param source what to call the text in errors, usually its path.
 * @throws Error that names the source and the line.
 */
export function parseJsonl(text: string, source: string): Problem[] {
  const problems: Problem[] = [];
  const lineOfId = new Map<string, number>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '') return;
    const where = `${source}:${index + 1}`;
    const problem = parseLine(line, where);
    const earlier = lineOfId.get(problem.id);
    if (earlier !== undefined) {
      throw new Error(
        `${where}: id ${JSON.stringify(problem.id)} is already that of line ${earlier}; give every problem its own id, or drop the repeated question`,
      );
    }
    lineOfId.set(problem.id, index + 1);
    problems.push(problem);
  });
  if (problems.length === 0) {
    throw new Error(`${source}: no problems; expected one {"question", "answer"} object a line`);
  }
  return problems;
}

function parseLine(line: string, where: string): Problem {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error(`${where}: not JSON (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where}: expected an object with "question" and "answer"`);
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const question = fields.get('question');
  if (typeof question !== 'string' || question.trim() === '') {
    throw new Error(`${where}: "question" must be a non-empty string`);
  }
  const id = fields.get('id') ?? createHash('sha256').update(question).digest('hex').slice(0, 16);
  if (typeof id !== 'string' || id === '') throw new Error(`${where}: "id" must be a non-empty string`);
  const difficulty = fields.get('difficulty') ?? '';
  if (typeof difficulty !== 'string') throw new Error(`${where}: "difficulty" must be a string`);
  return { id, question, answer: parseAnswer(fields.get('answer'), where), difficulty };
}

function parseAnswer(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number') {
    const answer = canonicalInteger(String(value).split('####').at(-1) ?? '');
    if (answer !== undefined) return answer;
  }
  throw new Error(
    `${where}: "answer" must be an integer, or text that ends in "#### <integer>"; got ${JSON.stringify(value)?.slice(0, 80)}`,
  );
}
