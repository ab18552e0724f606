// A training data set: JSONL, one group a line: {"id", "messages": [{"role", "content"}], "solutions": [{"text", "score"}]}.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Message } from '@overtone/language-model';
import { TrainingError } from './training-error.ts';

/** A question with the solutions to learn from. */
export interface TrainingGroup {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly solutions: readonly { readonly text: string; readonly score: number }[];
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Parses one line. `where` is named in errors. */
export function parseTrainingGroup(line: string, where: string): TrainingGroup {
  const fail = (expected: string): never => {
    throw new TrainingError(`${where}: expected ${expected}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return fail('JSON');
  }
  if (!isObject(value)) return fail('an object');
  const { id, messages, solutions } = value;
  if (typeof id !== 'string' || id === '') return fail('a non-empty string "id"');
  if (!Array.isArray(messages) || messages.length === 0) return fail('a non-empty list "messages"');
  if (!Array.isArray(solutions) || solutions.length === 0) return fail('a non-empty list "solutions"');
  return {
    id,
    messages: messages.map((message: unknown) => {
      if (
        !isObject(message) ||
        typeof message['role'] !== 'string' ||
        typeof message['content'] !== 'string'
      ) {
        return fail('messages with strings "role" and "content"');
      }
      return { role: message['role'], content: message['content'] };
    }),
    solutions: solutions.map((solution: unknown) => {
      const score = isObject(solution) ? (solution['score'] ?? 0) : undefined;
      if (
        !isObject(solution) ||
        typeof solution['text'] !== 'string' ||
        typeof score !== 'number' ||
        !Number.isFinite(score)
      ) {
        return fail('solutions with a string "text" and a finite number "score"');
      }
      return { text: solution['text'], score };
    }),
  };
}

/** Reads a data set, group by group. Throws a TrainingError naming the line. */
export async function* readTrainingGroups(path: string): AsyncGenerator<TrainingGroup> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number += 1;
    if (line.trim() !== '') yield parseTrainingGroup(line, `${path}:${number}`);
  }
}
