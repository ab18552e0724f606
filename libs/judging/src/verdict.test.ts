import { Outcome } from '@overtone/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verdictOfLogprobs } from './verdict.ts';

describe('verdictOfLogprobs', () => {
  it('is the softmax over both', () => {
    expect(verdictOfLogprobs(Math.log(0.3), Math.log(0.1)).preferenceFirst).toBeCloseTo(0.75, 12);
    expect(verdictOfLogprobs(-1, -1)).toEqual({ preferenceFirst: 0.5, outcome: Outcome.OUTCOME_TIE });
    expect(verdictOfLogprobs(-900, -1)).toEqual({ preferenceFirst: 0, outcome: Outcome.OUTCOME_SECOND });
    expect(verdictOfLogprobs(-1, -Infinity)).toEqual({ preferenceFirst: 1, outcome: Outcome.OUTCOME_FIRST });
  });

  it('is mirrored when both change places', () => {
    const logprob = fc.double({ min: -30, max: 0, noNaN: true });
    fc.assert(
      fc.property(logprob, logprob, (a, b) => {
        const sum = verdictOfLogprobs(a, b).preferenceFirst + verdictOfLogprobs(b, a).preferenceFirst;
        expect(sum).toBeCloseTo(1, 12);
      }),
    );
  });

  it('is unreadable where nothing can be compared', () => {
    expect(verdictOfLogprobs(-Infinity, -Infinity).outcome).toBe(Outcome.OUTCOME_UNREADABLE);
    expect(verdictOfLogprobs(NaN, -1).outcome).toBe(Outcome.OUTCOME_UNREADABLE);
  });
});
