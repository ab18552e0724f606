import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalInteger, readAnswer } from './answer.ts';

describe('readAnswer', () => {
  it.each([
    ['so \\boxed{14}', '14'],
    ['\\boxed{1} and then \\boxed{2}', '2'],
    ['\\boxed{ 1,234 }', '1234'],
    ['\\boxed{1{,}234{,}567}', '1234567'],
    ['\\boxed{12\\,345}', '12345'],
    ['\\boxed{14.0}', '14'],
    ['\\boxed{-7}', '-7'],
    ['\\boxed{\u22127}', '-7'],
    ['\\boxed{$42$}', '42'],
    ['\\boxed{007}', '7'],
    ['\\boxed{-0}', '0'],
    ['\\boxed{3} then \\boxed{4', '3'],
    ['\\boxed{90071992547409931}', '90071992547409931'],
  ])('reads %j as %j', (text, answer) => {
    expect(readAnswer(text)).toBe(answer);
  });

  it.each([
    '14',
    '',
    '\\boxed{}',
    '\\boxed{x = 4}',
    '\\boxed{14.5}',
    '\\boxed{1,23}',
    '\\boxed{14',
    '\\boxed{\\text{4}}',
  ])('reads nothing from %j', (text) => {
    expect(readAnswer(text)).toBeUndefined();
  });

  it('takes the last box even when its content is no integer', () => {
    expect(readAnswer('\\boxed{3} no, \\boxed{\\frac{1}{2}}')).toBeUndefined();
  });

  it('reads back every integer, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.string(), fc.bigInt(), (before, value) => {
        expect(readAnswer(`${before}\\boxed{${value}}`)).toBe(String(value));
      }),
    );
  });

  it('reads thousands separators as their number', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(canonicalInteger(value.toLocaleString('en-US'))).toBe(String(value));
      }),
    );
  });
});
