import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAnswer, readAnswer } from './answer.ts';

describe('readAnswer', () => {
  it.each([
    ['so \\boxed{14}', '14'],
    ['\\boxed{1} and then \\boxed{2}', '2'],
    ['\\boxed{ 1,234 }', '1234'],
    ['\\boxed{1{,}234{,}567}', '1234567'],
    ['\\boxed{12\\,345}', '12345'],
    ['\\boxed{14.0}', '14'],
    ['\\boxed{14.50}', '14.5'],
    ['\\boxed{\\frac{2}{6}}', '1/3'],
    ['\\boxed{-\\frac{7}{4}}', '-1.75'],
    ['\\boxed{50\\%}', '50%'],
    ['\\boxed{-7}', '-7'],
    ['\\boxed{\u22127}', '-7'],
    ['\\boxed{$42$}', '42'],
    ['\\boxed{007}', '7'],
    ['\\boxed{-0}', '0'],
    ['\\boxed{3} then \\boxed{4', '3'],
    ['\\boxed{90071992547409931}', '90071992547409931'],
    ['#### 1,080', '1080'],
  ])('reads %j as %j', (text, answer) => {
    expect(readAnswer(text)).toBe(answer);
  });

  it.each(['14', '', '\\boxed{}', '\\boxed{x + 4}', '\\boxed{1,23}', '\\boxed{14', '\\boxed{1e999999999}'])(
    'reads nothing from %j',
    (text) => {
      expect(readAnswer(text)).toBeUndefined();
    },
  );

  it('takes the last box even when its content is no number', () => {
    expect(readAnswer('\\boxed{3} no, \\boxed{x + 1}')).toBeUndefined();
  });

  it('reads back every integer, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.string(), fc.bigInt(), (before, value) => {
        expect(readAnswer(`${before}\\boxed{${value}}`)).toBe(String(value));
      }),
    );
  });
});

describe('canonicalAnswer', () => {
  it.each([
    ['1,234.0', '1234'],
    ['$18', '18'],
    ['6/8', '0.75'],
    ['2/6', '1/3'],
    ['50 %', '50%'],
    ['18 apples', '18 apples'],
    ['1e3', '1000'],
    [' Paris ', 'Paris'],
    ['(B)', '(B)'],
    ['9 * 2 = <<9*2=18>>18\n#### 1,018', '1018'],
    ['It is $\\boxed{\\frac{1}{2}}$.', '0.5'],
    ['three to four apples, 3-4', 'three to four apples, 3-4'],
  ])('of %j is %j', (reference, canonical) => {
    expect(canonicalAnswer(reference)).toBe(canonical);
  });

  it.each(['', ' ', '\\boxed{}', 'work\n#### ', 'word '.repeat(50)])('of %j there is none', (reference) => {
    expect(() => canonicalAnswer(reference)).toThrow(RangeError);
  });
});
