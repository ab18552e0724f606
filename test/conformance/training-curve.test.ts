// A training run against PyTorch, transformers and PEFT: 50 steps from the same adapter on the same batches.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAdapter } from '@overtone/language-model';
import { seededRandom, shuffle } from '@overtone/statistics';
import { createObjective, type ObjectiveSpec } from '../../libs/training/src/objective-spec.ts';
import { runTraining } from '../../libs/training/src/run-training.ts';
import { VECTORS } from './reference.fixture.ts';

const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const golden = join(VECTORS, 'training-curve');
const SEED = 1;

interface Row {
  readonly loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
}

const OBJECTIVES: Record<string, ObjectiveSpec> = {
  sft: { type: 'sft', selection: 'best' },
  dpo: { type: 'dpo', beta: 0.5 },
};

describe('50 steps follow PyTorch and PEFT', () => {
  let folder = '';
  let dataset = '';
  let curves: Record<string, readonly Row[]> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'overtone-curve-'));
    dataset = join(folder, 'groups.jsonl');
    curves = JSON.parse(await readFile(join(golden, 'curves.json'), 'utf8')) as typeof curves;
    // The golden batches are the groups in their order: put them where the order drawn from the seed brings them back.
    const lines = (await readFile(join(golden, 'groups.jsonl'), 'utf8')).trimEnd().split('\n');
    const order = shuffle(
      lines.map((_, index) => index),
      seededRandom('order', SEED, 0),
    );
    const placed = new Array<string>(lines.length);
    order.forEach((from, to) => (placed[from] = lines[to] ?? ''));
    await writeFile(dataset, placed.join('\n'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function train(name: string, microBatches: number): Promise<Row[]> {
    const initialAdapter = join(golden, 'adapter');
    const { lora } = await readAdapter(initialAdapter);
    const rows: Row[] = [];
    const events = runTraining(
      {
        model,
        dataset,
        objective: createObjective(OBJECTIVES[name] ?? { type: 'dpo', beta: 1 }),
        lora,
        initialAdapter,
        optimizer: {
          learningRate: 2e-3,
          warmupRatio: 0.1,
          schedule: 'cosine',
          weightDecay: 0.1,
          maxGradNorm: 1,
          beta1: 0.9,
          beta2: 0.98,
        },
        batching: { groupsPerStep: 4, steps: 0 },
        microBatches,
        seed: SEED,
        maxLength: 512,
        snapshotEverySteps: 0,
      },
      { folder: join(folder, `${name}-${microBatches}`), checkpoints: { seconds: 60 } },
    );
    for await (const event of events) {
      if (event.type !== 'step') continue;
      const { loss = NaN, grad_norm = NaN, learning_rate = NaN } = event.metrics;
      rows.push({ loss, grad_norm, learning_rate });
    }
    return rows;
  }

  for (const name of Object.keys(OBJECTIVES)) {
    for (const microBatches of [1, 3]) {
      it(`${name}, ${microBatches} micro-batches: loss to 1e-4, gradient norm to 1e-3, learning rate to 1e-12`, async () => {
        const expected = curves[name] ?? [];
        const rows = await train(name, microBatches);
        expect(rows).toHaveLength(50);
        const apart = (of: (row: Row, known: Row) => number): number =>
          Math.max(...rows.map((row, index) => of(row, expected[index] ?? row)));
        expect(expected).toHaveLength(50);
        expect(apart((row, known) => Math.abs(row.loss - known.loss))).toBeLessThan(1e-4);
        expect(apart((row, known) => Math.abs(row.grad_norm / known.grad_norm - 1))).toBeLessThan(1e-3);
        expect(apart((row, known) => Math.abs(row.learning_rate - known.learning_rate))).toBeLessThan(1e-12);
      });
    }
  }
});
