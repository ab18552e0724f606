import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  int8Parameters,
  type NamedTensor,
  PROJECTIONS,
  readDecoderConfig,
  readParameters,
  writeModel,
} from '@overtone/language-model';
import { type Precision } from '@overtone/tensor';
import { arithmeticGroups } from './arithmetic-groups.fixture.ts';
import { createObjective } from './objective-spec.ts';
import { runTraining, type TrainingOptions } from './run-training.ts';

const model = fileURLToPath(new URL('../../miniature/model', import.meta.url));
let folder = '';
let dataset = '';
let rounded = '';

/** The miniature with its linear modules' weights as eight bits have them, in float32. */
async function writeRounded(): Promise<string> {
  const config = await readDecoderConfig(model);
  const { parameters, int8 } = await int8Parameters(await readParameters(model, config), config, {
    layout: 'rows',
  });
  const all = new Map<string, NamedTensor>(parameters);
  for (const [name, { shape, values, scales }] of int8) {
    const [, input] = shape;
    const data = Float32Array.from(
      values,
      (value, index) => value * (scales[Math.floor(index / input)] ?? NaN),
    );
    all.set(name, { shape: [...shape], data });
  }
  const written = join(folder, 'rounded');
  await writeModel(written, model, all);
  return written;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-frozen-'));
  dataset = join(folder, 'groups.jsonl');
  await writeFile(dataset, arithmeticGroups(8));
  rounded = await writeRounded();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a run says of its steps, and what it ends with. */
async function train(name: string, precision: Precision, change: Partial<TrainingOptions>) {
  const options: TrainingOptions = {
    model,
    dataset,
    objective: createObjective({ type: 'dpo', beta: 1 }),
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
    batching: { groupsPerStep: 4, steps: 4 },
    seed: 1,
    maxLength: 64,
    snapshotEverySteps: 0,
    ...change,
  };
  const run = { folder: join(folder, name), hardware: { device: 'cpu', precision } as const };
  const losses: number[] = [];
  let weights = '';
  const file = options.lora ? 'adapter_model.safetensors' : 'model.safetensors';
  for await (const event of runTraining(options, run)) {
    if (event.type === 'step') losses.push(event.metrics['loss'] ?? NaN);
    if (event.type === 'snapshot') weights = await readFile(join(event.folder, file), 'hex');
  }
  return { losses, weights };
}

describe('an adapter on frozen weights in eight bits', () => {
  it.each([
    ['', {}],
    [', with micro-batches', { microBatches: 2 }],
    [', with gradient checkpointing', { gradientCheckpointing: true }],
    [', from random weights', { initializeSeed: 3 }],
  ] as const)('is trained%s', async (name, change) => {
    const int8 = await train(`int8 ${name}`, 'int8', change);
    const full = await train(`float32 ${name}`, 'float32', change);
    expect(int8.losses).toHaveLength(4);
    expect(int8.losses).not.toEqual(full.losses);
    for (const [step, loss] of int8.losses.entries()) expect(loss).toBeCloseTo(full.losses[step] ?? NaN, 1);
  });

  it('is what training on the rounded weights in float32 gives, to the bit', async () => {
    expect(await train('from integers', 'int8', {})).toEqual(
      await train('from floats', 'float32', { model: rounded, baseModel: model }),
    );
  });

  it('is an adapter: where all parameters are trained, they are in float32', async () => {
    const change = { lora: undefined, batching: { groupsPerStep: 4, steps: 1 } };
    expect(await train('all int8', 'int8', change)).toEqual(await train('all float32', 'float32', change));
  });
});
