// A training run against PyTorch, transformers and PEFT: 50 steps from the same adapter on the same batches; and what a model says of
// each token of them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  linearOf,
  loadModel,
  loraShapes,
  parameterSpecs,
  readAdapter,
  withLora,
} from '@overtone/language-model';
import { seededRandom, shuffle } from '@overtone/statistics';
import { float32, Program, trace } from '@overtone/tensor';
import { readTrainingGroups } from '../../libs/training/src/dataset.ts';
import { createObjective, type ObjectiveSpec } from '../../libs/training/src/objective-spec.ts';
import { programWeights } from '../../libs/training/src/frozen-weights.ts';
import { packedCompletions } from '../../libs/training/src/packed-logprobs.ts';
import { batchShape, batchSpecs, packBatch } from '../../libs/training/src/packing.ts';
import { runTraining } from '../../libs/training/src/run-training.ts';
import { type Sequence, tokenizeSequence } from '../../libs/training/src/sequence.ts';
import { VECTORS } from './reference.fixture.ts';

const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const golden = join(VECTORS, 'training-curve');
const SEED = 1;

interface Row {
  readonly loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
  readonly entropy: number;
}

const OBJECTIVES: Record<string, ObjectiveSpec> = {
  sft: { type: 'sft', selection: 'best' },
  dpo: { type: 'dpo', beta: 0.5 },
  grpo: { type: 'grpo', epsilonHigh: 0.28, beta: 0.04 },
};

/** What a model says of one completion: log-probabilities of its tokens and entropies where they are predicted, nats. */
interface Said {
  readonly adapter: boolean;
  readonly logprobs: readonly number[];
  readonly entropies: readonly number[];
}

describe('each completion token', () => {
  it.each([false, true])(
    'has the log-probability of transformers and PEFT to 1e-4, all the mean entropy; with the adapter: %s',
    async (adapted) => {
      const known = JSON.parse(await readFile(join(golden, 'tokens.json'), 'utf8')) as Said[];
      const expected = known.filter(({ adapter }) => adapter === adapted);
      const { config, parameters, tokenizer } = await loadModel(model);
      const sequences: Sequence[] = [];
      for await (const { messages, solutions } of readTrainingGroups(join(golden, 'groups.jsonl'))) {
        if (sequences.length >= expected.length) break;
        for (const { text } of solutions.toSorted((a, b) => b.score - a.score))
          sequences.push(tokenizeSequence(tokenizer, messages, text));
      }
      const { lora, parameters: own } = await readAdapter(join(golden, 'adapter'));
      const batch = batchShape([sequences]);
      const matrices = [...loraShapes(config, lora)].map(
        ([name, shape]) => [name, { dtype: 'float32', shape }] as const,
      );
      const specs = { ...batchSpecs(batch), ...Object.fromEntries([...parameterSpecs(config), ...matrices]) };
      const program = await Program.compile(
        trace(specs, (inputs) => {
          const linear = adapted ? withLora(linearOf(inputs), lora, inputs) : linearOf(inputs);
          const { tokens, entropy } = packedCompletions(config, inputs, linear, inputs);
          return { logprobs: tokens, entropy: entropy() };
        }),
        { threads: 1 },
      );
      const { logprobs: found, entropy } = await program.run({
        ...programWeights(parameters),
        ...programWeights(own),
        ...packBatch(sequences, batch),
      });
      await program.dispose();
      if (!found || !entropy) throw new Error('The program returned no tokens or no entropy');
      const logprobs = expected.flatMap((one) => one.logprobs);
      const entropies = expected.flatMap((one) => one.entropies);
      const apart = [...float32(found)].map((value, index) => Math.abs(value - (logprobs[index] ?? NaN)));
      expect(apart).toHaveLength(logprobs.length);
      expect(Math.max(...apart)).toBeLessThan(1e-4);
      const mean = entropies.reduce((sum, value) => sum + value, 0) / entropies.length;
      expect(Math.abs((float32(entropy)[0] ?? NaN) - mean)).toBeLessThan(1e-5);
    },
  );
});

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
        // The adapter that it starts from is drawn at random, and moves far.
        alarms: { action: 'off' },
        snapshotEverySteps: 0,
      },
      { folder: join(folder, `${name}-${microBatches}`), checkpoints: { seconds: 60 } },
    );
    for await (const event of events) {
      if (event.type !== 'step') continue;
      const { loss = NaN, grad_norm = NaN, learning_rate = NaN, entropy = NaN } = event.metrics;
      rows.push({ loss, grad_norm, learning_rate, entropy });
    }
    return rows;
  }

  for (const name of Object.keys(OBJECTIVES)) {
    for (const microBatches of [1, 3]) {
      it(`${name}, ${microBatches} micro-batches: loss and entropy to 1e-4, gradient norm to 1e-3, learning rate to 1e-12`, async () => {
        const expected = curves[name] ?? [];
        const rows = await train(name, microBatches);
        expect(rows).toHaveLength(50);
        const apart = (of: (row: Row, known: Row) => number): number =>
          Math.max(...rows.map((row, index) => of(row, expected[index] ?? row)));
        expect(expected).toHaveLength(50);
        expect(apart((row, known) => Math.abs(row.loss - known.loss))).toBeLessThan(1e-4);
        expect(apart((row, known) => Math.abs(row.entropy - known.entropy))).toBeLessThan(1e-4);
        expect(apart((row, known) => Math.abs(row.grad_norm / known.grad_norm - 1))).toBeLessThan(1e-3);
        expect(apart((row, known) => Math.abs(row.learning_rate - known.learning_rate))).toBeLessThan(1e-12);
      });
    }
  }
});
