import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
