// Answers in canonical form: the final answer of a solution, and the reference that it is compared with.
import { findFinalAnswer } from './answer/final-answer.ts';
import { parseQuantity, type Quantity } from './answer/quantity.ts';
import { sameText } from './answer/text-answer.ts';

/**
 * The final answer of a solution as a number in canonical form: an integer ("-7"), an exact decimal ("18.5"), or a
 * fraction in lowest terms ("1/3"), with "%" where the solution has a percent sign. Undefined where there is none, or
 * where what there is could be read in two ways. `findFinalAnswer` says what counts as final.
 */
export function readAnswer(text: string): string | undefined {
  const quantity = readQuantity(text);
  return quantity && `${quantity.number}${quantity.percent ? '%' : ''}`;
}

/**
 * A reference answer in canonical form: a number as `readAnswer` writes it, followed by its unit if the reference has
 * one; else the text without blanks around it. Idempotent.
 *
 * A worked solution is read for its last `#### …` or `\boxed{…}`.
 *
 * @throws RangeError when there is no answer in it, or a text of more than 200 characters without such a marker.
 */
export function canonicalAnswer(reference: string): string {
  const worked = /####|\\(?:boxed|fbox)\s*\{/.test(reference);
  const stated = worked ? findFinalAnswer(reference, 'text')?.content : reference;
  const answer = (stated ?? '').trim();
  if (answer === '') throw new RangeError('there is no answer in it');
  if (answer.length > 200) {
    throw new RangeError(
      'it is too long for an answer, and no worked solution that ends in "#### <answer>" or "\\boxed{<answer>}"',
    );
  }
  const quantity = asReference(answer);
  if (quantity === undefined) return answer;
  const unit = quantity.unit === '' ? '' : ` ${quantity.unit}`;
  return `${quantity.number}${quantity.percent ? '%' : ''}${unit}`;
}

/** What verification found. */
export interface Verification {
  /** Whether the final answer equals the reference answer. */
  correct: boolean;
  /** Whether a final answer could be read at all. */
  answered: boolean;
  /** The final answer that was read: canonical for numbers, as it stands for texts. */
  answer?: string;
}

/** Compares a solution's final answer with a reference; `verify` documents how. */
export function checkAnswer(reference: string, text: string): Verification {
  const wanted = asReference(reference);
  if (wanted === undefined) {
    const answer = findFinalAnswer(text, 'text')?.content ?? '';
    return answer === ''
      ? { correct: false, answered: false }
      : { correct: sameText(reference, answer), answered: true, answer };
  }
  const given = readQuantity(text);
  if (given === undefined) return { correct: false, answered: false };
  const answer = `${given.number}${given.percent ? '%' : ''}`;
  return { correct: sameQuantity(wanted, given), answered: true, answer };
}

function readQuantity(text: string): Quantity | undefined {
  const stated = findFinalAnswer(text, 'number');
  return stated && parseQuantity(stated.content);
}

/** A reference as a number; one with more than three words beside it is a text. */
function asReference(reference: string): Quantity | undefined {
  const quantity = parseQuantity(reference.trim());
  return quantity !== undefined && quantity.unit.split(' ').length <= 3 ? quantity : undefined;
}

function sameQuantity(reference: Quantity, answer: Quantity): boolean {
  if (reference.number !== answer.number) return false;
  if (reference.unit !== '' && answer.unit !== '' && reference.unit !== answer.unit) return false;
  if (reference.percent) return answer.percent || answer.unit === '';
  return !(answer.percent && isProportion(reference.number));
}

/** Strictly between -1 and 1 and not 0: whether it counts ones or hundredths cannot be told. */
function isProportion(number: string): boolean {
  const [numerator = '', denominator = '1'] = number.split('/');
  const value = Number(numerator) / Number(denominator);
  return value !== 0 && Math.abs(value) < 1;
}
