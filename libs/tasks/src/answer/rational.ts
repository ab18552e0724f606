// Exact rational numbers, of integers without bound.

/** numerator / denominator; the denominator is positive, and both have no common divisor. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The quotient of two integers in lowest terms; undefined when the denominator is 0. */
export function rational(numerator: bigint, denominator = 1n): Rational | undefined {
  if (denominator === 0n) return undefined;
  const sign = denominator < 0n ? -1n : 1n;
  const divisor = sign * greatestCommonDivisor(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The number that plain decimal digits say: "12", "12.50", ".5". */
export function fromDecimal(digits: string): Rational | undefined {
  const [whole = '', fraction = ''] = digits.split('.');
  return rational(BigInt(`${whole}${fraction}` || '0'), 10n ** BigInt(fraction.length));
}

/** Adds. */
export function add(a: Rational, b: Rational): Rational | undefined {
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

/** Divides; undefined when `b` is 0. */
export function divide(a: Rational, b: Rational): Rational | undefined {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** Multiplies by a power of ten. */
export function scale(a: Rational, exponent: number): Rational | undefined {
  const power = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0
    ? rational(a.numerator, a.denominator * power)
    : rational(a.numerator * power, a.denominator);
}

/**
 * The one way to write a number: an integer ("-7"), else its exact decimal ("18.5") where it has one, else the fraction
 * in lowest terms ("-1/3").
 */
export function format({ numerator, denominator }: Rational): string {
  if (denominator === 1n) return String(numerator);
  let [rest, places, twos, fives] = [denominator, 0, 0, 0];
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  if (rest !== 1n) return `${numerator}/${denominator}`;
  places = Math.max(twos, fives);
  const scaled = (numerator * 10n ** BigInt(places)) / denominator;
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(places + 1, '0');
  return `${scaled < 0n ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
