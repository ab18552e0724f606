// What the cases train on: groups of solutions that all have the same number of tokens.
import { writeFile } from 'node:fs/promises';
import { type Message, readTokenizer } from '@overtone/language-model';
import { type TrainingCase } from './cases.ts';

/** The file's name. */
export const DATASET = 'groups.jsonl';

const asking = (content: string): Message[] => [{ role: 'user', content }];

/** A text that begins with a number and has as many tokens; `count` says how many a text has. */
function textOf(first: number, tokens: number, count: (text: string) => number): string {
  for (let words = 1; words <= 2 * tokens; words++) {
    const text = [first, ...Array.from({ length: words }, (_, word) => (7 * word) % 10)].join(' + ');
    for (const end of ['', ' +', ' + ']) if (count(`${text}${end}`) === tokens) return `${text}${end}`;
  }
  throw new Error(`no text has ${tokens} tokens`);
}

/** Writes the groups of a case to a folder: a quarter of each sequence is the question. */
export async function writeDataset(
  folder: string,
  model: string,
  { sequences, length, solutions }: TrainingCase,
): Promise<void> {
  const tokenizer = await readTokenizer(model);
  const question = (group: number): string =>
    textOf(group, length / 4, (text) => tokenizer.encodeChat(asking(text)).length);
  // One token more ends the turn.
  const solution = (index: number): string =>
    textOf(index, (3 * length) / 4 - 1, (text) => tokenizer.encode(text).length);
  const groups = Array.from({ length: sequences / solutions }, (_, group) => ({
    id: String(group),
    messages: asking(question(group)),
    solutions: Array.from({ length: solutions }, (_, index) => ({ text: solution(index), score: index })),
  }));
  await writeFile(`${folder}/${DATASET}`, groups.map((group) => `${JSON.stringify(group)}\n`).join(''));
}
