import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, hashKey, type Json } from './index.ts';

const record = fc.dictionary(
  fc.string().filter((name) => name !== '__proto__'),
  fc.jsonValue(),
);

describe('canonical JSON', () => {
  it('does not depend on the order of properties and is the same JSON', () => {
    fc.assert(
      fc.property(record, (value) => {
        const object: Json = JSON.parse(JSON.stringify(value));
        const entries = Object.entries(object as Record<string, Json>);
        const reversed = Object.fromEntries([...entries].reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(object));
        expect(JSON.parse(canonicalJson(object))).toEqual(object);
      }),
    );
  });

  it('tells different values apart and ignores undefined properties', () => {
    expect(hashKey({ a: 1 })).not.toBe(hashKey({ a: '1' }));
    expect(hashKey([1, [2]])).not.toBe(hashKey([[1], 2]));
    expect(hashKey({ a: 1, b: undefined })).toBe(hashKey({ a: 1 }));
  });

  it('names the place of what JSON cannot hold', () => {
    expect(() => hashKey({ sampling: { seeds: [1, Number.NaN] } })).toThrow('$.sampling.seeds[1] is NaN');
  });
});
