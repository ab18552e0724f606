import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verify } from '../verify.ts';
import { reasoningGymChainSum } from './reasoning-gym.ts';

const FORM = /^State the final answer to the following arithmetic problem: (-?\d+(?: [+-] -?\d+)*) =$/;

function termsOf(question: string): { terms: bigint[]; total: bigint } {
  const parts = FORM.exec(question)?.[1]?.split(' ') ?? [];
  const terms = parts.filter((_, i) => i % 2 === 0).map(BigInt);
  const total = terms.reduce((sum, term, i) => (i > 0 && parts[2 * i - 1] === '-' ? sum - term : sum + term));
  return { terms, total };
}

describe('reasoningGymChainSum', () => {
  it('draws distinct questions of its form, within its limits, with their answers', () => {
    const limits = fc.tuple(
      fc.integer({ min: 1, max: 6 }),
      fc.nat(4),
      fc.integer({ min: 2, max: 9 }),
      fc.nat(6),
    );
    fc.assert(
      fc.property(
        fc.nat(),
        limits,
        fc.boolean(),
        (seed, [minTerms, more, minDigits, longer], allowNegation) => {
          const [maxTerms, maxDigits] = [minTerms + more, minDigits + longer];
          const options = { seed, size: 20, minTerms, maxTerms, minDigits, maxDigits, allowNegation };
          const problems = reasoningGymChainSum(options);
          expect(new Set(problems.map(({ id }) => id)).size).toBe(20);
          for (const problem of problems) {
            const { terms, total } = termsOf(problem.question);
            expect(problem.answer).toBe(String(total));
            expect(verify(problem, `\\boxed{${total}}`).correct).toBe(true);
            expect(terms.length).toBeGreaterThanOrEqual(minTerms);
            expect(terms.length).toBeLessThanOrEqual(maxTerms);
            for (const term of terms) {
              const digits = String(term).replace('-', '').length;
              expect(digits).toBeLessThanOrEqual(maxDigits);
              if (!allowNegation) expect(digits).toBeGreaterThanOrEqual(minDigits);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('has the distribution of reasoning-gym', () => {
    const problems = reasoningGymChainSum({ seed: 1, size: 20_000 });
    const share = (test: (question: string, difficulty: string) => boolean): number =>
      problems.filter(({ question, difficulty }) => test(question, difficulty)).length / problems.length;
    for (const terms of [3, 4, 5, 6]) {
      expect(share((_, label) => label.startsWith(`terms=${terms},`))).toBeGreaterThan(0.18);
    }
    for (const digits of [2, 3, 4]) {
      expect(Math.abs(share((_, label) => label.endsWith(`digits=${digits}`)) - 0.25)).toBeLessThan(0.02);
    }
    const signs = problems.flatMap(({ question }) => question.match(/ [+-] /g) ?? []);
    expect(Math.abs(signs.filter((sign) => sign === ' - ').length / signs.length - 0.5)).toBeLessThan(0.01);
    // One-digit terms are 0 to 9, in reasoning-gym as here.
    const oneDigit = problems
      .filter(({ difficulty }) => difficulty === 'terms=6,digits=1')
      .flatMap(({ question }) => termsOf(question).terms);
    expect(oneDigit.filter((term) => term === 0n).length / oneDigit.length).toBeCloseTo(0.1, 1);
  });

  it('writes what reasoning-gym writes', () => {
    const signed = reasoningGymChainSum({ seed: 3, size: 300, maxDigits: 1, allowNegation: true });
    expect(signed.some(({ question }) => / [+-] -\d/.test(question))).toBe(true);
    expect(signed.some(({ answer }) => answer.startsWith('-'))).toBe(true);
  });

  it('draws the shorter first, other questions for other seeds, and none that are excluded', () => {
    const long = reasoningGymChainSum({ seed: 1, size: 60 });
    expect(reasoningGymChainSum({ seed: 1, size: 40 })).toEqual(long.slice(0, 40));
    const exclude = new Set(long.map(({ id }) => id));
    const others = reasoningGymChainSum({ seed: 1, size: 60, exclude });
    expect(others.some(({ id }) => exclude.has(id))).toBe(false);
  });

  it('says what is out of range, and when there are not enough questions', () => {
    expect(() => reasoningGymChainSum({ seed: 1, maxTerms: 1 })).toThrow(
      'maxTerms: expected an integer of at least 2',
    );
    expect(() => reasoningGymChainSum({ seed: 1, maxDigits: 16 })).toThrow(
      'maxDigits: expected an integer of 1 to 15',
    );
    expect(() => reasoningGymChainSum({ seed: 1, size: 11, minTerms: 1, maxTerms: 1, maxDigits: 1 })).toThrow(
      'found only 10 distinct questions of 11',
    );
  });
});
