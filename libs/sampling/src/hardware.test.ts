import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { residentPrograms } from '@overtone/tensor';
import { SamplingPool, type FinishedSample, type SamplingOptions } from './index.ts';

const MODEL = fileURLToPath(new URL('../../miniature/model/', import.meta.url));
const options: SamplingOptions = { samples: 2, maxNewTokens: 48, temperature: 0.6, topP: 0.95, seed: 5 };
const prompts = Array.from({ length: 8 }, (_, index) => ({
  id: `p${index}`,
  messages: [{ role: 'user', content: `${11 + index} + ${3 * index} - ${index}` }],
}));

let full: SamplingPool;
let half: SamplingPool;

beforeAll(async () => {
  const open = (precision: 'float32' | 'float16'): Promise<SamplingPool> =>
    SamplingPool.open({ model: MODEL, workers: 1, slots: 16, hardware: { device: 'cpu', precision } });
  [full, half] = await Promise.all([open('float32'), open('float16')]);
});

afterAll(async () => {
  await Promise.all([full.close(), half.close()]);
});

async function sampled(pool: SamplingPool): Promise<FinishedSample[]> {
  const samples: FinishedSample[] = [];
  for await (const sample of pool.generate({ prompts, options })) samples.push(sample);
  return samples;
}

describe('a pool in half precision', () => {
  it('gives the trained miniature log-probabilities within .01 nats, and entropies within .005, of those in float32', async () => {
    const samples = await sampled(full);
    const items = samples.map((sample) => ({
      messages: prompts.find(({ id }) => id === sample.promptId)?.messages ?? [],
      target: { tokens: Array.from(sample.tokens) },
    }));
    const [inFull, inHalf] = [await full.score({ items }), await half.score({ items })];
    const apart = (kind: 'logprobs' | 'entropies'): number =>
      Math.max(
        ...inFull.flatMap((item, index) =>
          item.texts.flatMap((text, at) =>
            Array.from(text[kind], (value, token) =>
              Math.abs(value - (inHalf[index]?.texts[at]?.[kind][token] ?? NaN)),
            ),
          ),
        ),
      );
    expect(apart('logprobs')).toBeLessThan(0.01);
    expect(apart('entropies')).toBeLessThan(0.005);
    // It is half precision, not float32 by another name.
    expect(apart('logprobs')).toBeGreaterThan(1e-5);
  });

  it('scores its own samples as it sampled them', async () => {
    const [sample] = await sampled(half);
    if (!sample) throw new Error('nothing was sampled');
    const messages = prompts.find(({ id }) => id === sample.promptId)?.messages ?? [];
    const [score] = await half.score({
      items: [{ messages, target: { tokens: Array.from(sample.tokens) } }],
    });
    for (const [index, value] of score?.texts[0]?.logprobs.entries() ?? [])
      expect(Math.abs(value - (sample.logprobs[index] ?? NaN))).toBeLessThan(0.01);
  });

  it('has another digest than in float32, so that results are kept apart', async () => {
    expect(half.describe().sha256).not.toBe(full.describe().sha256);
    const plain = await SamplingPool.open({ model: MODEL, workers: 1, slots: 2 });
    expect(plain.describe().sha256).toBe(full.describe().sha256);
    await plain.close();
  });
});

describe.skipIf(!residentPrograms())('a pool with eight-bit weights', () => {
  let eight: SamplingPool;
  beforeAll(async () => {
    const hardware = { device: 'cpu', precision: 'int8' } as const;
    eight = await SamplingPool.open({ model: MODEL, workers: 2, slots: 16, hardware });
  });
  afterAll(() => eight.close());

  const itemsOf = (
    samples: readonly FinishedSample[],
  ): { messages: { role: string; content: string }[]; target: { tokens: number[] } }[] =>
    samples.map((sample) => ({
      messages: prompts.find(({ id }) => id === sample.promptId)?.messages ?? [],
      target: { tokens: Array.from(sample.tokens) },
    }));
  const mean = (numbers: readonly number[]): number =>
    numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

  it('gives the trained miniature log-probabilities and entropies near those in float32', async () => {
    const items = itemsOf(await sampled(full));
    const [inFull, inEight] = [await full.score({ items }), await eight.score({ items })];
    for (const kind of ['logprobs', 'entropies'] as const) {
      const apart = inFull.flatMap((item, index) =>
        item.texts.flatMap((text, at) =>
          Array.from(text[kind], (value, token) =>
            Math.abs(value - (inEight[index]?.texts[at]?.[kind][token] ?? NaN)),
          ),
        ),
      );
      expect(mean(apart)).toBeLessThan(0.02);
      expect(mean(apart)).toBeGreaterThan(1e-5);
    }
  });

  it('scores its own samples as it sampled them', async () => {
    const samples = await sampled(eight);
    const scores = await eight.score({ items: itemsOf(samples) });
    for (const [index, { logprobs, entropies }] of samples.entries()) {
      const text = scores[index]?.texts[0];
      for (const [token, value] of logprobs.entries())
        expect(Math.abs(value - (text?.logprobs[token] ?? NaN))).toBeLessThan(0.002);
      for (const [token, value] of entropies.entries())
        expect(Math.abs(value - (text?.entropies[token] ?? NaN))).toBeLessThan(0.002);
    }
  });

  it('samples the same bits whatever is sampled beside', async () => {
    const sort = (samples: FinishedSample[]): FinishedSample[] =>
      samples.sort((a, b) => a.promptId.localeCompare(b.promptId) || a.sampleIndex - b.sampleIndex);
    const all = sort(await sampled(eight));
    const alone: FinishedSample[] = [];
    for await (const sample of eight.generate({ prompts: prompts.slice(0, 1), options })) alone.push(sample);
    expect(sort(alone)).toEqual(all.filter(({ promptId }) => promptId === 'p0'));
  });

  it('is refused on another device, with what to do', async () => {
    const hardware = { device: 'webgpu', precision: 'int8' } as const;
    await expect(SamplingPool.open({ model: MODEL, workers: 1, hardware })).rejects.toThrow(
      /precision int8: needs device cpu.*Use float32/,
    );
  });
});
