import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Alarm, Alarms, type VitalsHistory } from './alarms.ts';

const NOTHING: VitalsHistory = { first: [], recent: [] };

/** All alarms of a run with these vitals, by step. */
function run(vitals: readonly (readonly [logprob: number, entropy: number])[], options = {}) {
  const alarms = new Alarms(options, NOTHING);
  return vitals.flatMap(([logprob, entropy], index): (Alarm & { step: number })[] =>
    alarms.take({ logprob, entropy }).map((alarm) => ({ ...alarm, step: index + 1 })),
  );
}
const steady = (count: number): [number, number][] => Array.from({ length: count }, () => [-0.2, 0.4]);

describe('alarms', () => {
  it('sound once the completions are less likely than at the start by more than the limit, in half of the last steps', () => {
    const falling = [...steady(8), [-0.6, 0.4], [-0.6, 0.4], [-0.6, 0.4], [-0.7, 0.4]] as const;
    expect(run(falling)).toMatchObject([{ step: 11, metric: 'kl', limit: 0.25 }]);
    expect(run(falling)[0]?.value).toBeCloseTo(0.4, 6);
    expect(run(falling, { maxKl: 0.5 })).toEqual([]);
    expect(run(falling, { maxKl: 0 })).toEqual([]);
  });

  it('do not sound at an odd batch or two, nor where completions become more likely', () => {
    expect(run([...steady(8), [-5, 0.4], [-5, 0.4], ...steady(5)])).toEqual([]);
    expect(run([...steady(5), ...Array.from({ length: 20 }, () => [-0.01, 0.3] as const)])).toEqual([]);
  });

  it('sound where the entropy has fallen below its share of the start, and each of them once', () => {
    const collapsed = [...steady(5), ...Array.from({ length: 9 }, () => [-9, 0.02] as const)];
    expect(run(collapsed)).toMatchObject([
      { step: 8, metric: 'kl' },
      { step: 8, metric: 'entropy', limit: 0.1 },
    ]);
    expect(run(collapsed, { maxKl: 0, minEntropyRatio: 0.01 })).toEqual([]);
  });

  it('are calm only within half of the limits', () => {
    const alarms = new Alarms({}, NOTHING);
    for (const [logprob, entropy] of steady(5)) alarms.take({ logprob, entropy });
    expect(alarms.calm).toBe(true);
    for (let step = 0; step < 5; step++) alarms.take({ logprob: -0.35, entropy: 0.4 });
    expect(alarms.calm).toBe(false);
  });

  it('sound at the same step of a run that was interrupted anywhere', () => {
    const vitals = fc.array(fc.tuple(fc.double({ min: -3, max: 0, noNaN: true }), fc.constant(0.5)), {
      minLength: 12,
      maxLength: 30,
    });
    fc.assert(
      fc.property(vitals, fc.nat(), (steps, at) => {
        const whole = run(steps);
        const [first] = whole;
        const stop = at % steps.length;
        fc.pre(first === undefined || first.step > stop);
        const before = new Alarms({}, NOTHING);
        for (const [logprob, entropy] of steps.slice(0, stop)) before.take({ logprob, entropy });
        const after = new Alarms({}, before.history);
        const rest = steps
          .slice(stop)
          .flatMap(([logprob, entropy], index) =>
            after.take({ logprob, entropy }).map((alarm) => ({ ...alarm, step: stop + index + 1 })),
          );
        expect(rest).toEqual(whole);
      }),
    );
  });
});
