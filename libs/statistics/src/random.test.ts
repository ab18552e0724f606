import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean, standardDeviation } from './moments.ts';
import { hash128, normalDeviate, randomInteger, seededRandom, shuffle } from './random.ts';

const draws = (count: number, ...key: (string | number)[]): number[] => {
  const random = seededRandom(...key);
  return Array.from({ length: count }, random);
};

describe('hash128', () => {
  // From the Python package mmh3, hash128(x64arch=False), as little-endian words.
  it.each([
    ['', '00000000 00000000 00000000 00000000'],
    ['hello', '2b2444a0 db91def7 9adb31b6 9adb31b6'],
    ['The quick brown fox jumps over the lazy dog', '2f1583c3 ecee2c67 5d7bf66c e5e91d2c'],
  ])('of %j is MurmurHash3_x86_128', (text, expected) => {
    const words = hash128(new TextEncoder().encode(text));
    expect(words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(' ')).toBe(expected);
  });
});

describe('seededRandom', () => {
  it('gives the same stream for the same key, for ever', () => {
    expect(draws(3, 'sample', 7, 'problem-1', 0)).toEqual(draws(3, 'sample', 7, 'problem-1', 0));
    // Pinned: a change here changes every seeded result of every experiment.
    expect(draws(3, 'sample', 7, 'problem-1', 0).map((draw) => draw * 2 ** 32)).toEqual([
      2524084863, 1186964487, 49367878,
    ]);
  });

  it('gives different streams for different keys, and tells parts apart by type, position and length', () => {
    const keys = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      [1],
      ['1'],
      [1, 2],
      [12],
      [2, 1],
      [],
      [''],
      ['n1;'],
      [0.5],
      [-1],
    ];
    const firsts = keys.map((key) => draws(2, ...key).join());
    expect(new Set(firsts).size).toBe(keys.length);
  });

  it('is uniform in [0, 1), and neighbouring keys are unrelated', () => {
    const streams = Array.from({ length: 200 }, (_, seed) => draws(500, seed));
    const all = streams.flat();
    expect(all.every((draw) => draw >= 0 && draw < 1)).toBe(true);
    const bins = new Float64Array(100);
    for (const draw of all) bins[Math.floor(draw * 100)] = (bins[Math.floor(draw * 100)] ?? 0) + 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeGreaterThan(60); // 99 degrees of freedom: 0.1 % and 99.9 % quantiles are 61 and 149
    expect(chiSquare).toBeLessThan(149);
    const firsts = streams.map((stream) => stream[0] ?? 0);
    expect(Math.abs(mean(firsts) - 0.5)).toBeLessThan(0.07);
  });

  it('refuses a key part that is not finite', () => {
    expect(() => seededRandom('a', Number.NaN)).toThrow(/key part is NaN/);
  });
});

describe('normalDeviate', () => {
  it('has mean 0 and variance 1', () => {
    const random = seededRandom('normal');
    const values = Array.from({ length: 20_000 }, () => normalDeviate(random));
    expect(Math.abs(mean(values))).toBeLessThan(0.03);
    expect(Math.abs(standardDeviation(values) - 1)).toBeLessThan(0.03);
    expect(values.filter((value) => Math.abs(value) < 1.959964).length / values.length).toBeCloseTo(0.95, 2);
  });
});

describe('randomInteger', () => {
  it('stays below its bound and reaches every value', () => {
    const random = seededRandom('integer');
    const seen = new Set(Array.from({ length: 200 }, () => randomInteger(random, 6)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(() => randomInteger(random, 0)).toThrow(RangeError);
  });
});

describe('shuffle', () => {
  it('keeps every item, leaves its input alone and is seeded', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const before = items.slice();
        const shuffled = shuffle(items, seededRandom(seed));
        expect(items).toEqual(before);
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b));
        expect(shuffle(items, seededRandom(seed))).toEqual(shuffled);
      }),
    );
  });

  it('gives every order equally often', () => {
    const counts = new Map<string, number>();
    const random = seededRandom('orders');
    for (let round = 0; round < 6000; round++) {
      const order = shuffle(['a', 'b', 'c'], random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});
