import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECTIONS, readAdapter } from '@overtone/language-model';
import { arithmeticGroups } from './arithmetic-groups.fixture.ts';
import { createObjective, type ObjectiveSpec } from './objective-spec.ts';
import { runTraining, type RunOptions, type TrainingOptions } from './run-training.ts';

/** Configuration and tokenizer of the miniature; the weights are drawn from a seed. */
const model = fileURLToPath(new URL('../../miniature/model', import.meta.url));
let folder = '';
let dataset = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-training-'));
  dataset = join(folder, 'groups.jsonl');
  await writeFile(dataset, arithmeticGroups(12));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function options(objective: ObjectiveSpec, change: Partial<TrainingOptions> = {}): TrainingOptions {
  return {
    model,
    initializeSeed: 3,
    dataset,
    objective: createObjective(objective),
    lora: { r: 4, alpha: 8, targetModules: [...PROJECTIONS] },
    optimizer: {
      learningRate: 3e-3,
      warmupRatio: 0.1,
      schedule: 'cosine',
      weightDecay: 0,
      maxGradNorm: 1,
      beta1: 0.9,
      beta2: 0.999,
    },
    batching: { groupsPerStep: 5, steps: 12 },
    seed: 1,
    maxLength: 64,
    snapshotEverySteps: 5,
    ...change,
  };
}

async function train(how: TrainingOptions, run: RunOptions, stopAfter = Infinity) {
  const losses: number[] = [];
  const snapshots = new Map<number, string>();
  const controller = new AbortController();
  try {
    for await (const event of runTraining(how, { ...run, signal: controller.signal })) {
      if (event.type === 'step') losses.push(event.metrics['loss'] ?? NaN);
      if (event.type === 'step' && event.step >= stopAfter) controller.abort();
      if (event.type === 'snapshot')
        snapshots.set(event.step, await readFile(join(event.folder, 'adapter_model.safetensors'), 'hex'));
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  return { losses, snapshots };
}

describe('runTraining', () => {
  it('learns: the loss falls', async () => {
    const { losses } = await train(
      options({ type: 'sft', selection: 'best' }, { batching: { groupsPerStep: 6, steps: 40 } }),
      { folder: join(folder, 'learns') },
    );
    expect(losses).toHaveLength(40);
    expect(losses.at(-1)).toBeLessThan(0.85 * (losses[0] ?? 0));
  });

  it('continues from an adapter, with the base model or that adapter as the reference', async () => {
    const first = options({ type: 'sft', selection: 'best' });
    const adapters: string[] = [];
    for await (const event of runTraining(first, { folder: join(folder, 'first-round') }))
      if (event.type === 'snapshot') adapters.push(event.folder);
    const initialAdapter = adapters.at(-1);
    const firstStep = async (
      name: string,
      referenceAdapter?: string,
      spec: ObjectiveSpec = { type: 'dpo', beta: 1 },
    ) => {
      const change = {
        initialAdapter,
        referenceAdapter,
        loraDropout: 0,
        batching: { groupsPerStep: 12, steps: 1 },
      };
      for await (const event of runTraining(options(spec, change), { folder: join(folder, name) }))
        if (event.type === 'step') return event.metrics;
      throw new Error('no step');
    };
    const onBase = await firstStep('on-base');
    const onItself = await firstStep('on-itself', initialAdapter);
    // SFT on the best has moved it away from the base; from itself it is as far as rounding.
    expect(Math.abs(onBase['kl'] ?? 0)).toBeGreaterThan(0.05);
    expect(Math.abs(onItself['kl'] ?? NaN)).toBeLessThan(1e-4);
    expect(onItself['loss']).toBeCloseTo(Math.log(2), 4);
    expect(onItself['rewards/margins']).toBeCloseTo(0, 4);
    expect(Math.abs(onBase['rewards/margins'] ?? 0)).toBeGreaterThan(0.05);
    // A policy gradient's ratios are to the adapter that it starts from, its divergence is from the base model.
    const ratios = await firstStep('ratios', undefined, { type: 'grpo', lossType: 'grpo' });
    expect(ratios['loss']).toBeCloseTo(0, 4);
    expect(ratios['clip_ratio/region_mean']).toBe(0);
    expect(ratios['kl']).toBeGreaterThan(0.01);
    const other = options(
      { type: 'dpo', beta: 1 },
      { lora: { r: 8, alpha: 8, targetModules: [...PROJECTIONS] } },
    );
    const refused = runTraining({ ...other, initialAdapter }, { folder: join(folder, 'other-rank') });
    await expect(refused.next()).rejects.toThrow(/the adapter belongs to another model/);
  });

  it('reports names that people know, with tokens counted over all steps', async () => {
    const steps: Readonly<Record<string, number>>[] = [];
    for await (const event of runTraining(options({ type: 'grpo' }), { folder: join(folder, 'names') }))
      if (event.type === 'step') steps.push(event.metrics);
    let tokens = 0;
    for (const metrics of steps) {
      tokens += metrics['tokens'] ?? NaN;
      expect(metrics['num_tokens']).toBe(tokens);
      expect(metrics['entropy']).toBeGreaterThan(0);
      const [least = NaN, mean = NaN, most = NaN] = ['min', 'mean', 'max'].map(
        (of) => metrics[`completions/${of}_length`],
      );
      expect(least <= mean && mean <= most).toBe(true);
      expect(metrics['reward_std']).toBeGreaterThan(0);
      for (const name of [
        'reward',
        'kl',
        'clip_ratio/low_mean',
        'clip_ratio/high_mean',
        'clip_ratio/region_mean',
      ])
        expect(metrics[name], name).toEqual(expect.any(Number));
    }
    expect(steps.length).toBeGreaterThan(5);
  });

  it('widens the margin between the best and the worst under DPO', async () => {
    const margins: number[] = [];
    for await (const event of runTraining(options({ type: 'dpo', beta: 1 }), {
      folder: join(folder, 'dpo'),
    })) {
      if (event.type === 'step') margins.push(event.metrics['rewards/margins'] ?? NaN);
    }
    expect(margins[0]).toBeCloseTo(0, 4);
    expect(margins.at(-1)).toBeGreaterThan(0.5);
  });

  it('ends in the same bits after interruptions as without, snapshots included', async () => {
    const how = options({ type: 'rrhf', rankWeight: 0.1, bradleyTerryWeights: true });
    const straight = await train(how, { folder: join(folder, 'straight') });
    expect([...straight.snapshots.keys()]).toEqual([5, 10, 12]);
    // No checkpoint falls due in so short a run: it is being stopped that makes one.
    const broken = { folder: join(folder, 'broken') };
    await train(how, broken, 4);
    await train(how, broken, 7);
    const { losses, snapshots } = await train(how, broken);
    expect(losses).toEqual(straight.losses.slice(7));
    expect(snapshots).toEqual(straight.snapshots);
    const again = await train(how, broken);
    expect(again.losses).toEqual([]);
    expect(again.snapshots).toEqual(straight.snapshots);
  });

  it('with dropout and micro-batches ends in the same bits after interruptions, and elsewhere than without dropout', async () => {
    const how = options(
      { type: 'dpo', beta: 1 },
      { loraDropout: 0.1, microBatches: 2, batching: { groupsPerStep: 4, steps: 6 }, snapshotEverySteps: 0 },
    );
    const straight = await train(how, { folder: join(folder, 'dropping') });
    const broken = { folder: join(folder, 'dropping-broken') };
    await train(how, broken, 2);
    const { snapshots } = await train(how, broken);
    expect(snapshots).toEqual(straight.snapshots);
    const without = await train({ ...how, loraDropout: 0 }, { folder: join(folder, 'keeping') });
    expect(without.snapshots).not.toEqual(straight.snapshots);
    // The reference is the model without an adapter, so the first loss is the same: B is zero.
    expect(without.losses[0]).toBeCloseTo(straight.losses[0] ?? NaN, 5);
  });

  it('draws a different adapter from another seed', async () => {
    const one = await train(
      options({ type: 'sft', selection: 'all' }, { batching: { groupsPerStep: 4, steps: 1 } }),
      { folder: join(folder, 'seed1') },
    );
    const two = await train(
      options({ type: 'sft', selection: 'all' }, { batching: { groupsPerStep: 4, steps: 1 }, seed: 2 }),
      { folder: join(folder, 'seed2') },
    );
    expect(one.snapshots).not.toEqual(two.snapshots);
  });

  it('writes adapters in PEFT format that read back', async () => {
    const how = options({ type: 'sft', selection: 'all' }, { batching: { groupsPerStep: 4, steps: 1 } });
    for await (const event of runTraining(how, { folder: join(folder, 'peft') })) {
      if (event.type !== 'snapshot') continue;
      const adapter = await readAdapter(event.folder);
      expect(adapter.lora).toEqual(how.lora);
      expect(adapter.parameters.get('model.layers.0.mlp.up_proj.lora_A.weight')?.shape).toEqual([4, 96]);
    }
  });

  it('refuses data that cannot train, and says why', async () => {
    const ties = join(folder, 'ties.jsonl');
    await writeFile(
      ties,
      '{"id":"a","messages":[{"role":"user","content":"1 + 1"}],"solutions":[{"text":"2","score":1},{"text":"So","score":1}]}\n',
    );
    await expect(
      train(options({ type: 'dpo', beta: 1 }, { dataset: ties }), { folder: join(folder, 'x') }),
    ).rejects.toThrow(/none of the 1 groups.*have equal scores/);
    await expect(
      train(options({ type: 'dpo', beta: 1 }, { maxLength: 8 }), { folder: join(folder, 'x') }),
    ).rejects.toThrow(
      /12 of 12 groups have a longer sequence: g0 .\d+ tokens., g1 .*, g2 .* and 9 more; max_length is 8/,
    );
    await writeFile(ties, '{"id":"a"}\n');
    await expect(
      train(options({ type: 'dpo', beta: 1 }, { dataset: ties }), { folder: join(folder, 'x') }),
    ).rejects.toThrow(/ties.jsonl:1: expected a non-empty list "messages"/);
  });

  it('stops with the step and its groups when the loss is not a number', async () => {
    const wild = options({ type: 'sft', selection: 'all' });
    const run = train(
      { ...wild, optimizer: { ...wild.optimizer, learningRate: 1e30, maxGradNorm: 0 } },
      { folder: join(folder, 'nan') },
    );
    await expect(run).rejects.toThrow(/step \d+: the loss is .* on groups g\d+.*lower the learning rate/);
  });
});
