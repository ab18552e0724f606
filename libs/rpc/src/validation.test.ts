import { describe, expect, it } from 'vitest';
import { checkField, checkUniqueIds, requiredField } from './index.ts';

describe('request validation', () => {
  it('names the field and the reason', () => {
    expect(() => checkField(false, 'sampling.top_p', 'must be in (0, 1]')).toThrow(
      'sampling.top_p: must be in (0, 1]',
    );
    expect(() => requiredField(undefined, 'sampling')).toThrow('sampling: must be set');
    expect(requiredField(0, 'seed')).toBe(0);
  });

  it('finds empty and repeated ids', () => {
    const ids = (...all: string[]) => all.map((id) => ({ id }));
    expect(() => checkUniqueIds(ids('a', ''), 'problems')).toThrow('problems[1].id: must not be empty');
    const repeated = 'problems[2].id: "a" is also the id of problems[0]';
    expect(() => checkUniqueIds(ids('a', 'b', 'a'), 'problems')).toThrow(repeated);
    checkUniqueIds(ids('a', 'b'), 'problems');
  });
});
