import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECTIONS } from '@overtone/language-model';
import { type AlarmOptions } from './alarms.ts';
import { createObjective } from './objective-spec.ts';
import { runTraining, type TrainingOptions } from './run-training.ts';

const model = fileURLToPath(new URL('../../miniature/model', import.meta.url));
let folder = '';
let dataset = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-alarms-'));
  dataset = join(folder, 'groups.jsonl');
  const groups = Array.from({ length: 12 }, (_, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + ${index + 1}` }],
    solutions: [
      { text: `${index} + ${index + 1} = ${2 * index + 1}\n\\boxed{${2 * index + 1}}`, score: 2 },
      { text: `\\boxed{${2 * index + 1}}`, score: 1 },
    ],
  }));
  await writeFile(dataset, groups.map((group) => JSON.stringify(group)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The ranking loss at fifty times a rate that is high. */
function overTrained(alarms: AlarmOptions | undefined): TrainingOptions {
  return {
    model,
    dataset,
    objective: createObjective({ type: 'rrhf', rankWeight: 1, bradleyTerryWeights: false }),
    lora: { r: 4, alpha: 8, targetModules: [...PROJECTIONS] },
    optimizer: {
      learningRate: 2e-2,
      warmupRatio: 0.5,
      schedule: 'cosine',
      weightDecay: 0,
      maxGradNorm: 1,
      beta1: 0.9,
      beta2: 0.999,
    },
    batching: { groupsPerStep: 4, steps: 60 },
    seed: 1,
    maxLength: 64,
    snapshotEverySteps: 0,
    alarms,
  };
}

async function train(how: TrainingOptions, run: string, stopAfter = Infinity) {
  const losses: number[] = [];
  const snapshots = new Map<number, string>();
  const alarms: unknown[] = [];
  const controller = new AbortController();
  try {
    for await (const event of runTraining(how, { folder: join(folder, run), signal: controller.signal })) {
      if (event.type === 'step') losses.push(event.metrics['loss'] ?? NaN);
      if (event.type === 'step' && event.step >= stopAfter) controller.abort();
      if (event.type === 'alarm') alarms.push(event);
      if (event.type === 'snapshot')
        snapshots.set(event.step, await readFile(join(event.folder, 'adapter_model.safetensors'), 'hex'));
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  return { losses, snapshots, alarms };
}

describe('a ranking loss that improves while it destroys the policy', () => {
  it('is stopped, and leaves the last good weights: those of the same step and in the same bits when it was interrupted', async () => {
    const whole = await train(overTrained(undefined), 'whole');
    expect(whole.losses.length).toBeLessThan(60);
    expect(whole.losses.at(-1)).toBeLessThan(whole.losses[0] ?? 0);
    expect(whole.alarms).toMatchObject([{ type: 'alarm', alarm: { metric: 'kl', limit: 0.25 } }]);
    const [kept = NaN] = whole.snapshots.keys();
    expect(whole.alarms).toMatchObject([{ kept, step: whole.losses.length }]);
    expect(kept % 10).toBe(0);
    expect(kept).toBeLessThan(whole.losses.length);
    expect(whole.snapshots.size).toBe(1);
    for (const at of [3, whole.losses.length - 2]) await train(overTrained(undefined), 'broken', at);
    const broken = await train(overTrained(undefined), 'broken');
    expect(broken.alarms).toEqual(whole.alarms);
    expect(broken.snapshots).toEqual(whole.snapshots);
  });

  it('goes on with a warning, or without, where it is told to', async () => {
    const how = { batching: { groupsPerStep: 4, steps: 40 } };
    const warned = await train({ ...overTrained({ action: 'warn' }), ...how }, 'warned');
    expect(warned.alarms.length).toBeGreaterThan(0);
    expect(warned.alarms[0]).toMatchObject({ kept: undefined });
    expect([...warned.snapshots.keys()]).toEqual([40]);
    const silent = await train({ ...overTrained({ action: 'off' }), ...how }, 'silent');
    expect(silent.alarms).toEqual([]);
    expect(silent.losses).toEqual(warned.losses);
    expect(silent.snapshots).toEqual(warned.snapshots);
  });
});
