import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  loadModel,
  loraShapes,
  mergeLora,
  readAdapter,
  writeAdapter,
  type LoraConfig,
  type Model,
} from '@overtone/language-model';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { sizeOf } from '@overtone/tensor';
import {
  hostParameters,
  Sampler,
  SamplingPool,
  TeacherForcing,
  type FinishedSample,
  type PoolGenerateRequest,
  type Sample,
  type SamplingOptions,
} from './index.ts';
import { writeRandomModel } from './random-model.fixture.ts';

let root: string;
let folder: string;
let adapter: string;
let model: Model;
let pool: SamplingPool;

const options: SamplingOptions = { samples: 4, maxNewTokens: 60, temperature: 1, topP: 0.95, seed: 3 };
const prompts = Array.from({ length: 21 }, (_, index) => ({
  id: `p${index}`,
  messages: [{ role: 'user', content: `${index} + ${index * 3}${' + 1'.repeat(index % 12)}` }],
}));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-pool-'));
  folder = join(root, 'model');
  adapter = join(root, 'adapter');
  await writeRandomModel(folder);
  model = await loadModel(folder);
  const lora: LoraConfig = { r: 2, alpha: 4, targetModules: ['q_proj', 'up_proj'] };
  const random = seededRandom('adapter');
  const parameters = new Map(
    [...loraShapes(model.config, lora)].map(([name, shape]) => [
      name,
      { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => 0.3 * normalDeviate(random)) },
    ]),
  );
  await writeAdapter(adapter, { lora, parameters }, 'random');
  pool = await SamplingPool.open({ model: folder, workers: 2, slots: 16 });
});

afterAll(async () => {
  await pool.close();
  await rm(root, { recursive: true, force: true });
});

type Results = Map<string, { tokens: number[]; logprobs: number[]; entropies: number[] }>;

const plain = ({ promptId, sampleIndex, ...sample }: FinishedSample | Sample) =>
  [
    `${promptId}/${sampleIndex}`,
    {
      tokens: Array.from<number>(sample.tokens),
      logprobs: Array.from<number>(sample.logprobs),
      entropies: Array.from<number>(sample.entropies),
    },
  ] as const;

async function generated(request: Partial<PoolGenerateRequest> = {}): Promise<Results> {
  const results: Results = new Map();
  for await (const sample of pool.generate({ prompts, options, ...request })) results.set(...plain(sample));
  return results;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What a sampler on this thread makes of the same prompts. */
async function direct(withAdapter?: string) {
  const { config, tokenizer } = model;
  let { parameters } = model;
  if (withAdapter !== undefined) {
    const { lora, parameters: matrices } = await readAdapter(withAdapter);
    parameters = mergeLora(parameters, lora, matrices);
  }
  const encoded = prompts.map(({ id, messages }) => ({ id, tokens: tokenizer.encodeChat(messages) }));
  const sampler = new Sampler({ config, ...tokenizer }, { slots: 32 });
  return collect(sampler.sample(hostParameters(parameters), encoded, options));
}

describe('SamplingPool', () => {
  it('describes what it hosts', () => {
    expect(pool.describe()).toMatchObject({
      model: 'model',
      architecture: 'Qwen3ForCausalLM',
      vocabularySize: model.config.vocabSize,
      parameters: [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    });
  });

  it('samples what one sampler does, with an adapter too, and the base model exactly as before after it', async () => {
    const base = new Map((await direct()).map(plain));
    expect(await generated()).toEqual(base);
    const adapted = await generated({ adapter });
    expect(adapted).not.toEqual(base);
    expect(adapted).toEqual(new Map((await direct(adapter)).map(plain)));
    expect(await generated()).toEqual(base);
  });

  it('serves calls of several callers and adapters at once with the same results', async () => {
    const [base, adapted] = [await generated(), await generated({ adapter })];
    const together = await Promise.all([generated(), generated({ adapter }), generated()]);
    expect(together).toEqual([base, adapted, base]);
  });

  it('decodes text without the end token', async () => {
    for await (const { tokens, text, finishReason } of pool.generate({ prompts, options })) {
      const shown = finishReason === 'stop' ? tokens.slice(0, -1) : tokens;
      expect(text).toBe(model.tokenizer.decode([...shown]));
    }
  });

  it('cuts the text before the string that ended it', async () => {
    const free = new Map(
      (await collect(pool.generate({ prompts, options }))).map((sample) => [plain(sample)[0], sample.text]),
    );
    const stop = [...free.values()].find((text) => text.length > 30)?.slice(12, 15) ?? '';
    let cut = 0;
    for await (const sample of pool.generate({ prompts, options: { ...options, stop: [stop] } })) {
      const whole = free.get(plain(sample)[0]) ?? '';
      const [before = ''] = whole.split(stop);
      expect(sample.text).toBe(before);
      if (before === whole) continue;
      cut += 1;
      expect(sample.finishReason).toBe('stop');
      expect(sample.tokens.length).toBeLessThan(options.maxNewTokens);
    }
    expect(cut).toBeGreaterThan(0);
  });

  it('says which prompt does not fit the memory for keys and values', async () => {
    const small = await SamplingPool.open({ model: folder, workers: 1, cacheBytes: 80_000 });
    try {
      expect((await collect(small.generate({ prompts, options }))).length).toBe(84);
      const long = { id: 'long', messages: [{ role: 'user', content: '1 + '.repeat(100) }] };
      const failed = collect(small.generate({ prompts: [...prompts, long], options }));
      await expect(failed).rejects.toMatchObject({
        item: 21,
        message: expect.stringMatching(/key-value cache.*OVERTONE_KV_CACHE/) as string,
      });
    } finally {
      await small.close();
    }
  });

  it('scores completions and continuations as teacher forcing does', async () => {
    const items = prompts.flatMap(({ messages }, index) => [
      { messages, target: { completion: `${index} = ${index}` } },
      { messages, target: { continuations: ['1', '12', '2'] } },
    ]);
    const scores = await pool.score({ items });
    const { tokenizer } = model;
    const expected = await new TeacherForcing(model.config).score(
      hostParameters(model.parameters),
      items.map(({ messages, target }) => ({
        prompt: tokenizer.encodeChat(messages),
        continuations:
          target.completion === undefined
            ? target.continuations.map((text) => tokenizer.encode(text))
            : [[...tokenizer.encode(target.completion), tokenizer.eosTokenId]],
      })),
    );
    expect(scores.map(({ texts }) => texts.map(({ logprobs }) => [...logprobs]))).toEqual(
      expected.map((texts) => texts.map(({ logprobs }) => logprobs)),
    );
    const alone = await Promise.all(items.map((item) => pool.score({ items: [item] })));
    expect(alone.flat()).toEqual(scores);
  });

  it('leaves this thread free while it samples and scores', async () => {
    const delay = monitorEventLoopDelay({ resolution: 2 });
    const items = prompts.map(({ messages }) => ({ messages, target: { completion: '1 + 1 = 2' } }));
    delay.enable();
    await Promise.all([generated(), pool.score({ items })]);
    delay.disable();
    // The largest few may be the machine's own doing.
    expect(delay.percentile(95) / 1e6).toBeLessThan(50);
  });

  it('stops when it is cancelled, and goes on with others', async () => {
    const controller = new AbortController();
    const cancelled = collect(
      pool.generate({ prompts, options: { ...options, samples: 200, maxNewTokens: 400 } }, controller.signal),
    );
    await setTimeout(100);
    const start = performance.now();
    controller.abort();
    await expect(cancelled).rejects.toThrow(/abort/i);
    await pool.score({ items: [{ tokens: [5, 6], target: { completion: '1' } }] });
    expect(await generated({ prompts: prompts.slice(0, 1) })).toHaveProperty('size', options.samples);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('waits for a reader that does not read, while others go on', async () => {
    const slow = pool.generate({ prompts, options: { ...options, samples: 40, maxNewTokens: 4 } });
    await slow.next();
    await setTimeout(300);
    expect(await generated()).toHaveProperty('size', prompts.length * options.samples);
    let rest = 0;
    for await (const sample of slow) rest += sample.tokens.length > 0 ? 1 : 0;
    expect(rest).toBe(prompts.length * 40 - 1);
  });

  it('says which prompt or item cannot be used', async () => {
    const long = { id: 'long', tokens: new Array<number>(500).fill(5) };
    await expect(generated({ prompts: [...prompts, long] })).rejects.toMatchObject({
      name: 'SamplingInputError',
      item: prompts.length,
      message: expect.stringMatching(/long has 500 tokens/),
    });
    const target = { completion: '1' };
    const items = [
      ...new Array<number>(70).fill(0).map(() => ({ tokens: [5], target })),
      { tokens: [], target },
    ];
    await expect(pool.score({ items })).rejects.toMatchObject({ name: 'SamplingInputError', item: 70 });
    await expect(generated({ adapter: folder })).rejects.toThrow(/adapter_config.json/);
    await expect(SamplingPool.open({ model: adapter })).rejects.toThrow(/config.json/);
  });

  it('fails the jobs of a worker that crashes, and starts it anew', async () => {
    const running = Promise.allSettled([
      generated({ options: { ...options, samples: 200, maxNewTokens: 400 } }),
    ]);
    await setTimeout(100);
    pool.crashWorker(0);
    const [result] = await running;
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'WorkerCrashError' } });
    pool.crashWorker(1);
    // Whoever asked before the crash is told of it.
    const again = await generated().catch(() => generated());
    expect(again).toEqual(new Map((await direct()).map(plain)));
  });
});
