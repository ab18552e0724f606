import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAnswer } from './answer.ts';
import { verify } from './verify.ts';

/** A number as an exact fraction, and ways to write it that a person takes for it. */
interface Written {
  canonical: string;
  forms: string[];
}

const integer = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n });

/** An integer, or an integer with up to three decimals. */
const decimal = fc.tuple(integer, fc.integer({ min: 0, max: 3 })).map(([units, places]): Written => {
  const sign = units < 0n ? '-' : '';
  const digits = String(units < 0n ? -units : units).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places);
  const point = (separated: string): string => `${sign}${separated}${places > 0 ? `.${fraction}` : ''}`;
  const grouped = (separator: string): string => point(whole.replace(/(?<=\d)(?=(?:\d{3})+$)/g, separator));
  const plain = point(whole);
  const canonical = plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain;
  return {
    canonical: canonical === '-0' ? '0' : canonical,
    forms: [
      plain,
      ...[',', '{,}', '\\,', '\\!,', '\u00a0', '\u2009', '\u202f'].map(grouped),
      `${plain}${places > 0 ? '' : '.'}00`,
      plain.replace('-', '\u2212'),
      `$${grouped(',')}`,
      `\\$${plain}`,
      `${sign}$${plain.replace('-', '')}`,
      `${grouped(',')} dollars`,
      `${plain} apples`,
      `${plain}\\text{ cm}^2`,
      `${plain}\\,\\mathrm{km/h}`,
      `\\text{${plain}}`,
      `\\left(${plain}\\right)`,
      `x = ${plain}`,
      `${units}e-${places}`,
      `${units} \\times 10^{-${places}}`,
      `\\frac{${units}}{${10 ** places}}`,
      `${units}/${10 ** places}`,
    ],
  };
});

/** A proper fraction, also as a mixed number. */
const fraction = fc
  .tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 2, max: 99 }), fc.integer({ min: 1, max: 9 }))
  .map(([numerator, denominator, factor]): Written => {
    const [over, under] = [numerator * factor, denominator * factor];
    const whole = Math.floor(numerator / denominator);
    const rest = over - whole * under;
    const mixed =
      whole > 0 && rest > 0 ? [`${whole} ${rest}/${under}`, `${whole}\\frac{${rest}}{${under}}`] : [];
    return {
      canonical: canonicalAnswer(`${numerator}/${denominator}`),
      forms: [`${over}/${under}`, `\\frac{${over}}{${under}}`, `\\dfrac {${over}} {${under}} cups`, ...mixed],
    };
  });

/** Places where a final answer may stand; each takes it with its mark-up. */
const PLACES: ((form: string) => string)[] = [
  (form) => `First 7 + 5 = 12. Then \\boxed{${form}}.`,
  (form) => `\\[ \\boxed{${form}} \\] is what she has, I hope.`,
  (form) => `7 + 5 = 12\n#### ${form}`,
  (form) => `There are 12. The final answer is \\boxed{${form}}.`,
  (form) => `There are 12. The answer is ${form}.`,
  (form) => `There are 12.\n\n**Answer:** ${form}`,
  (form) => `The answer is 999983.\nWait, no. Answer: ${form}\n`,
];

describe('whatever the number and the form', () => {
  const written = fc.oneof(decimal, fraction);
  const place = fc.constantFrom(...PLACES);

  it('accepts the right number', () => {
    fc.assert(
      fc.property(written, place, ({ canonical, forms }, put) => {
        for (const form of forms) {
          const verdict = verify({ answer: canonical }, put(form));
          expect({ form, ...verdict }).toEqual({ form, correct: true, answered: true, answer: canonical });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never accepts another number', () => {
    const perturb = fc.constantFrom<(digits: string) => string>(
      (digits) => `${digits}0`,
      (digits) => `1${digits}`,
      (digits) => digits.slice(0, -1),
      (digits) => digits.replace(/\d/, (first) => String((Number(first) + 1) % 10)),
      (digits) => digits.replace(/\d$/, (last) => String((Number(last) + 1) % 10)),
      (digits) => (digits.startsWith('-') ? digits.slice(1) : `-${digits}`),
      (digits) => digits.replace('.', ''),
      (digits) => digits.replace(/(\d)$/, '.$1'),
    );
    fc.assert(
      fc.property(written, perturb, place, ({ canonical, forms }, change, put) => {
        let other: string;
        try {
          other = canonicalAnswer(change(canonical));
        } catch {
          return;
        }
        fc.pre(other !== canonical);
        for (const form of forms)
          expect([form, verify({ answer: other }, put(form)).correct]).toEqual([form, false]);
      }),
      { numRuns: 300 },
    );
  });

  it('never accepts a number among others, in doubt, or denied', () => {
    const spoil = fc.constantFrom<(form: string, other: number) => string>(
      (form, other) => `${form} or ${other}`,
      (form, other) => `either ${other} or ${form}`,
      (form, other) => `${form}, ${other}`,
      (form, other) => `${form} and ${other}`,
      (form, other) => `${form} to ${other}`,
      (form, other) => `${form} + ${other}`,
      (form, other) => `${form} \\times ${other}`,
      (form) => `not ${form}`,
      (form) => `at least ${form}`,
      (form) => `less than ${form}`,
      (form) => `${form}x`,
      (form) => `${form}\\sqrt{2}`,
      (form) => `${form} and a half`,
      (form) => `\\pm ${form}`,
    );
    fc.assert(
      fc.property(decimal, fc.integer({ min: 2, max: 9 }), spoil, place, ({ canonical }, by, change, put) => {
        const text = put(change(canonical, by * 1_000_003));
        expect([text, verify({ answer: canonical }, text).correct]).toEqual([text, false]);
      }),
      { numRuns: 500 },
    );
  });

  it('makes a canonical answer of a canonical answer', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          written.map(({ forms }) => forms[0] ?? ''),
          fc.string(),
        ),
        (text) => {
          fc.pre(text.trim() !== '' && !/####|boxed/.test(text));
          expect(canonicalAnswer(canonicalAnswer(text))).toBe(canonicalAnswer(text));
        },
      ),
    );
  });
});
