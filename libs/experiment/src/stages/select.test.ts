import { describe, expect, it } from 'vitest';
import type { Objective } from '../config/schema.ts';
import { selectWeights, snapshotSteps, type Until } from './select.ts';
import type { Training } from './train.ts';

const objective: Objective = {
  type: 'dpo',
  beta: 5,
  lora: { r: 1, alpha: 1, targetModules: [] },
  optimizer: {
    learningRate: 3,
    warmupRatio: 0,
    schedule: 'constant',
    weightDecay: 0,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.999,
  },
  steps: 50,
  groupsPerStep: 1,
  maxLength: 10,
  selection: { snapshotEverySteps: 20, learningRates: [2, 1], scope: 'each-seed' },
};

const weights = { sha256: 'a', mediaType: 'b' };
const train = async (): Promise<Training> => ({
  snapshots: snapshotSteps(objective).map((step) => ({ step, weights })),
  metrics: [],
});

/** Trains as a trainer does that has finished before the first snapshot is measured; tells how far it had to. */
function trainer(steps: readonly number[], ended = new Map<number, number>()) {
  const trainUntil = async (learningRate: number, until?: Until): Promise<Training> => {
    const snapshots: { step: number; weights: typeof weights }[] = [];
    for (const step of steps) {
      snapshots.push({ step, weights });
      ended.set(learningRate, step);
      if (await until?.ends({ step, weights })) break;
    }
    return { snapshots, metrics: [] };
  };
  return { train: trainUntil, ended };
}

describe('choosing weights on the development split', () => {
  it('leaves snapshots at every so many steps, and at the last', () => {
    expect(snapshotSteps(objective)).toEqual([20, 40, 50]);
    expect(snapshotSteps({ ...objective, steps: 40 })).toEqual([20, 40]);
    expect(snapshotSteps({ ...objective, selection: undefined })).toEqual([50]);
  });

  it('takes the best, and of equals the lower rate and the earlier step', async () => {
    const best = { objective, settled: undefined, train };
    const peak = await selectWeights({
      ...best,
      develop: async (_, rate, step) => [rate === 2 && step === 40 ? 0.9 : 0.5],
    });
    expect(peak).toMatchObject({ learningRate: 2, step: 40, development: 0.9 });
    const flat = await selectWeights({ ...best, develop: async () => [0.5] });
    expect(flat).toMatchObject({ learningRate: 1, step: 20, development: 0.5 });
  });

  it('takes the last step where nothing is chosen, and what was settled where it was', async () => {
    const develop = async (): Promise<number[]> => {
      throw new Error('nothing to develop');
    };
    const last = await selectWeights({
      objective: { ...objective, selection: undefined },
      settled: undefined,
      train,
      develop,
    });
    expect(last).toMatchObject({ learningRate: 3, step: 50, development: null });
    const settled = await selectWeights({
      objective,
      settled: { learningRate: 1, step: 40 },
      train,
      develop,
    });
    expect(settled).toMatchObject({ learningRate: 1, step: 40, development: null });
  });

  it('takes the last good weights where an alarm ended the training', async () => {
    const stopped = async (): Promise<Training> => ({
      snapshots: [
        { step: 20, weights },
        { step: 10, weights },
      ],
      metrics: [],
      alarm: 'an alarm ended it',
    });
    const develop = async (): Promise<number[]> => [0.5];
    const untold = { ...objective, selection: undefined };
    const kept = await selectWeights({ objective: untold, settled: undefined, train: stopped, develop });
    expect(kept).toMatchObject({ step: 10, alarm: 'an alarm ended it' });
    const settled = { learningRate: 3, step: 40 };
    expect(await selectWeights({ objective, settled, train: stopped, develop })).toMatchObject({ step: 10 });
  });

  it('stops after as many snapshots without improvement beyond noise as it is told, and keeps the best of those measured', async () => {
    const selection = { snapshotEverySteps: 10, scope: 'each-seed', patience: 2 } as const;
    const steps = [10, 20, 30, 40, 50];
    const questions = (avg: number): number[] =>
      Array.from({ length: 20 }, (_, index) => (index < 20 * avg ? 1 : 0));
    const avgs = new Map([
      [10, 0.5],
      [20, 0.75],
      [30, 0.8],
      [40, 0.3],
      // Never measured: the training has ended.
      [50, 1],
    ]);
    const { train: trainUntil, ended } = trainer(steps);
    const chosen = await selectWeights({
      objective: { ...objective, selection },
      settled: undefined,
      train: trainUntil,
      develop: async (_, __, step) => questions(avgs.get(step) ?? 0),
    });
    // .80 against .75 is one question of twenty: within a standard error.
    expect(ended).toEqual(new Map([[3, 40]]));
    expect(chosen).toMatchObject({ step: 30, development: 0.8 });
  });

  it('halves the learning rates until one is left, which is trained to the end', async () => {
    const learningRates = [1, 2, 3, 4];
    const selection = { snapshotEverySteps: 10, scope: 'each-seed', halving: true, learningRates } as const;
    const { train: trainUntil, ended } = trainer([10, 20, 30, 40, 50]);
    const measured: string[] = [];
    const chosen = await selectWeights({
      objective: { ...objective, selection: { ...selection, learningRates } },
      settled: undefined,
      train: trainUntil,
      develop: async (_, rate, step) => {
        measured.push(`${rate}/${step}`);
        return [rate === 2 && step === 10 ? 0.4 : rate === 3 ? step / 100 + 0.1 : rate / 100];
      },
    });
    expect(ended).toEqual(
      new Map([
        [1, 10],
        [2, 20],
        [3, 50],
        [4, 10],
      ]),
    );
    // What a dropped rate was at its best stays a choice.
    expect(chosen).toMatchObject({ learningRate: 3, step: 50 });
    // Each snapshot once.
    expect(new Set(measured).size).toBe(measured.length);
    expect(measured).toHaveLength(4 + 2 + 3);
  });
});
