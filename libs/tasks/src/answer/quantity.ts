// A quantity: one number as people write it, with its currency, percent sign or unit. Whatever could be read in two ways
// is not read at all.
import { CURRENCY, plainText, THIN } from './latex.ts';
import { add, divide, format, fromDecimal, type Rational, rational, scale } from './rational.ts';

/** One number and what it counts. */
export interface Quantity {
  /** The exact value in canonical form: "18", "18.5", "-1/3". Of "50%", "50". */
  readonly number: string;
  /** Whether it is followed by a percent sign or "percent". */
  readonly percent: boolean;
  /** The words of its unit in lower case, but for single letters, "" where there is none. Currencies are not kept. */
  readonly unit: string;
}

/** Longest text, in characters, that is looked at. */
export const LONGEST_ANSWER = 1_000;

const NUMBER = new RegExp(
  `^(?:(?:[1-9]\\d{0,2}(?:(?:,\\d{3})+|(?:${THIN}\\d{3})+)(?!\\d)|\\d+)(?:\\.\\d*)?|\\.\\d+)`,
);
const BLANKS = new RegExp(`^[ ${THIN}]+|[ ${THIN}]+$`, 'g');
const SCALES: Record<string, number> = { hundred: 2, thousand: 3, million: 6, billion: 9, trillion: 12 };
const HEDGE =
  /^(?:approximately|approx\.?|about|around|therefore|thus|then|indeed|roughly|exactly|only|just|simply|equal to|equals|a total of|USD|US|EUR|GBP|INR|Rs\.?|≈|:)[ \u0001]*(?=[^\p{L}]|USD|US|EUR)/iu;

// Words that make another number, several numbers, a bound or no answer of what they stand beside.
const MISLEADING = new Set(
  (
    'or not but than if unless when plus minus over divided multiplied squared cubed factorial root pi mod modulo below negative ' +
    'half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh eighth eighths ninth tenth ' +
    'tenths hundredth hundredths thousandth thousandths tens hundred hundreds thousand thousands million millions billion ' +
    'billions trillion trillions bn mn mil mio mln lakh lakhs crore crores grand gross score dozen dozens twice double ' +
    'triple zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
    'eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety wrong incorrect false least most fewer ' +
    'is was are were too cannot can would could should fails does did impossible invalid ' +
    'between either neither maybe perhaps versus vs'
  ).split(' '),
);
const SINGLE_LETTER_UNITS = new Set('amsghlLNJAWVCF');
const LONGEST_UNIT_WORDS = 12;

/**
 * Reads a quantity: an integer, decimal, fraction ("3/4", `\frac{3}{4}`), mixed number ("1 3/4") or number in scientific
 * notation; with a sign, thousands separators ("1,234", "1{,}234", "1\,234", thin and no-break spaces), a currency, a
 * percent sign, a magnitude ("1.5 million"), a unit in words ("18 km/h"), and LaTeX or Markdown around it. Of an equation
 * ("x = 18", "9 * 2 = 18") the right side counts, of "1/3 ≈ 0.33" the left.
 *
 * Undefined for everything else, above all for what holds a second number ("18 or 20", "18-20", "3:30", "5 ft 2"), a
 * bound ("at least 18"), an expression ("18x", "\sqrt{2}") or a magnitude that could be a unit ("5k", "2 dozen").
 */
export function parseQuantity(text: string): Quantity | undefined {
  if (/^-?[1-9]\d{0,14}$/.test(text)) return { number: text, percent: false, unit: '' };
  if (text.length > LONGEST_ANSWER) return undefined;
  const plain = plainText(text);
  return plain === undefined ? undefined : parsePlain(plain);
}

function parsePlain(text: string): Quantity | undefined {
  if (/[<>≤≥≠±!?|…]/.test(text)) return undefined;
  const [exact = '', ...rounded] = text.split('≈');
  if (rounded.length > 0 && trim(exact) !== '') {
    return parseTerm(exact) ?? (/\d/.test(exact) ? undefined : parsePlain(rounded.join('=')));
  }
  const sides = text.replace('≈', '').split('=');
  const right = parseTerm(sides.pop() ?? '');
  if (right === undefined) return undefined;
  for (const side of sides) {
    if (!isDerivation(side)) return undefined;
    const number = parseTerm(side)?.number;
    if (number !== undefined && number !== right.number) return undefined;
  }
  return right;
}

/** Whether what stands before "=" only leads to what stands after it: a name, or arithmetic; never another statement. */
function isDerivation(side: string): boolean {
  if (/[,;](?!\d)/.test(side) || trim(side) === '') return false;
  const words = side.match(/\p{L}+/gu) ?? [];
  if (words.some((word) => MISLEADING.has(word.toLowerCase()) || /^(?:and|let|isn|t)$/i.test(word))) {
    return false;
  }
  if (!/\d/.test(side)) return words.length <= 6 && /^[\p{L}\p{M} '’_().¤:]*$/u.test(side);
  const arithmetic = side.replace(/(?<=[\d)]) ?x ?(?=[\d(¤])/g, ' * ');
  if (!/\p{L}/u.test(arithmetic)) return true;
  // "15 gallons * 8 pints / gallon"
  const operands = arithmetic.split(/ [+*×÷/-] |[*×÷]/);
  return operands.length > 1 && operands.every((operand) => isOperand(operand));
}

function isOperand(text: string): boolean {
  const words = text.match(/\p{L}+/gu) ?? [];
  return /\d/.test(text) ? parseTerm(text) !== undefined : words.length > 0 && words.length <= 3;
}

function parseTerm(text: string): Quantity | undefined {
  let rest = trim(text).replace(/[.,;:]$/, '');
  const label = /^(\p{L}[\p{L} '’]{0,60}):(.*)$/u.exec(rest);
  if (label !== null) {
    if (!isDerivation(label[1] ?? '')) return undefined;
    rest = trim(label[2] ?? '');
  }
  for (let hedge = HEDGE.exec(rest); hedge !== null; hedge = HEDGE.exec(rest)) {
    rest = trim(rest.slice(hedge[0].length));
  }
  rest = rest.replace(/^(?:negative|minus) (?=[\d.¤])/i, '-');
  const enclosed = /^\(([^()¤]*)\)$/.exec(rest);
  if (enclosed !== null) rest = trim(enclosed[1] ?? '');
  const head = /^([+-]?)[ \u0001]*¤?[ \u0001]*([+-]?)[ \u0001]*/.exec(rest);
  const signs = `${head?.[1] ?? ''}${head?.[2] ?? ''}`;
  if (signs.length > 1) return undefined;
  const read = readNumber(rest.slice(head?.[0].length ?? 0));
  if (read === undefined) return undefined;
  const percent = /^ ?(?:%|per ?cent(?!\p{L}))/iu.exec(read.rest.replaceAll(THIN, ' '));
  const unit = readUnit(read.rest.slice(percent?.[0].length ?? 0), rest.includes(CURRENCY));
  if (unit === undefined) return undefined;
  const value = signs === '-' ? rational(-read.value.numerator, read.value.denominator) : read.value;
  return value && { number: format(value), percent: percent !== null, unit };
}

/** The number that a text begins with, and what follows it. */
function readNumber(text: string): { value: Rational; rest: string } | undefined {
  const first = readDecimal(text);
  if (first === undefined) return undefined;
  const { rest } = first;
  const whole = first.digits.includes('.') ? null : /^[ \u0001]+(\d+) ?\/ ?(\d+)(?![\d.,]\d)/.exec(rest);
  if (whole !== null) {
    const part = rational(BigInt(whole[1] ?? 0), BigInt(whole[2] ?? 0));
    if (part === undefined || part.numerator >= part.denominator) return undefined;
    return withRest(add(first.value, part), rest.slice(whole[0].length));
  }
  const bar = /^[ \u0001]*\/[ \u0001]*(?=[\d.])/.exec(rest);
  if (bar !== null) {
    const second = readDecimal(rest.slice(bar[0].length));
    return second && withRest(divide(first.value, second.value), second.rest);
  }
  const power = /^(?:[eE]([+-]?\d{1,3})(?!\d)| ?[×xX*·] ?10 ?\^ ?([+-]?\d{1,3})(?!\d))/.exec(
    rest.replaceAll(THIN, ' '),
  );
  if (power !== null) {
    return withRest(scale(first.value, Number(power[1] ?? power[2])), rest.slice(power[0].length));
  }
  const magnitude = /^[ \u0001-]?(hundred|thousand|million|billion|trillion)(?!\p{L})/iu.exec(rest);
  if (magnitude !== null) {
    const exponent = SCALES[(magnitude[1] ?? '').toLowerCase()] ?? 0;
    return withRest(scale(first.value, exponent), rest.slice(magnitude[0].length));
  }
  // "1. Find the total" is the first item of a list.
  return first.digits.endsWith('.') && trim(rest) !== '' ? undefined : withRest(first.value, rest);
}

function readDecimal(text: string): { value: Rational; digits: string; rest: string } | undefined {
  const matched = NUMBER.exec(text)?.[0];
  if (matched === undefined) return undefined;
  const digits = matched.replaceAll(',', '').replaceAll(THIN, '');
  const value = fromDecimal(digits);
  return value && { value, digits, rest: text.slice(matched.length) };
}

function withRest(value: Rational | undefined, rest: string) {
  return value && { value, rest };
}

/** The words of a unit; undefined when what follows the number is more than a unit. */
function readUnit(text: string, money: boolean): string | undefined {
  if (text === '') return '';
  const unit = text
    .replaceAll(THIN, ' ')
    .replaceAll(CURRENCY, ' ')
    .replace(/([\p{L})]) ?\^ ?-?[1-9](?!\d)/gu, '$1')
    .replace(/(\p{L})[²³]/gu, '$1');
  if (!/^[\p{L} /.,'’()°·-]*$/u.test(unit) || /(?:^|[^\p{L}])-|-(?!\p{L})|^ ?[.,]|\.{2}/u.test(unit)) {
    return undefined;
  }
  const words = unit.match(/\p{L}+/gu) ?? [];
  if (words.length > LONGEST_UNIT_WORDS || words[0]?.toLowerCase() === 'and') return undefined;
  const acceptable = words.every((word) =>
    word.length === 1
      ? SINGLE_LETTER_UNITS.has(word) && (word === 'a' || !money)
      : !MISLEADING.has(word.toLowerCase()),
  );
  return acceptable
    ? words.map((word) => (word.length === 1 ? word : word.toLowerCase())).join(' ')
    : undefined;
}

function trim(text: string): string {
  return text.replace(BLANKS, '');
}
