// Answers that are no numbers: words, and the letters of multiple choice.
import { plainText, THIN } from './latex.ts';

const CHOICE = /^\(?([A-J])\)?$/i;

/** Whether an answer says the same as a reference: equal but for case, blanks, mark-up, quotation marks, a final stop; a letter of multiple choice also when its text follows it, as in "(B) Paris". */
export function sameText(reference: string, answer: string): boolean {
  const [wanted, given] = [normalise(reference), normalise(answer)];
  if (wanted === given) return wanted !== '';
  const letter = CHOICE.exec(wanted)?.[1];
  if (letter === undefined) return false;
  const chosen = /^(?:option |choice )?(?:\(([a-j])\)|([a-j])(?:[).:]|$))(.*)$/.exec(given);
  const rest = chosen?.[3] ?? '';
  const alone = !/^ ?(?:or|and|nor)\b|\([a-j]\)|(?:^|\s)[a-j][).]/.test(rest);
  return chosen !== null && alone && (chosen[1] ?? chosen[2]) === letter;
}

function normalise(text: string): string {
  return (plainText(text) ?? text)
    .replaceAll(THIN, ' ')
    .replace(/["“”]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '')
    .trim()
    .toLowerCase();
}
