// The generator before a real server: llama.cpp's, with a real model. Run test/conformance/fetch-llama-server.sh to have both.
import { setTimeout } from 'node:timers/promises';
import { EntropyKind, FinishReason, type GenerateRequest } from '@overtone/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  failedStart,
  generateAll,
  startGenerator,
  type GeneratorProcess,
} from '../faults/generator-process.fixture.ts';
import { hasLlamaServer, KEY, LlamaServer, MODEL } from './llama-server.fixture.ts';

/** Of SmolLM2. */
const VOCABULARY_SIZE = 49_152;
const END_TOKEN = 2;

function request(
  change: Partial<NonNullable<GenerateRequest['sampling']>> = {},
  prompts = 2,
): GenerateRequest {
  return {
    adapter: undefined,
    prompts: Array.from({ length: prompts }, (_, index) => ({
      id: `p${index}`,
      messages: [{ role: 'user', content: `What is ${index} + 2? Answer with one sentence.` }],
    })),
    sampling: { samples: 4, temperature: 0.7, topP: 0.9, maxNewTokens: 48, seed: 5, stop: [], ...change },
  };
}

interface FullChoice {
  readonly message: { readonly content: string };
  readonly logprobs: {
    readonly content: readonly {
      readonly id: number;
      readonly logprob: number;
      readonly top_logprobs: readonly { readonly logprob: number }[];
    }[];
  };
}

describe.skipIf(!hasLlamaServer)(
  'llama-server (skipped unless test/conformance/fetch-llama-server.sh was run)',
  { timeout: 60_000 },
  () => {
    let server: LlamaServer;
    let topK: GeneratorProcess;
    let environment: Record<string, string>;

    beforeAll(async () => {
      server = await LlamaServer.start();
      environment = {
        OVERTONE_OPENAI_BASE_URL: server.url,
        OPENAI_API_KEY: KEY,
        // Its slots.
        OVERTONE_OPENAI_CONCURRENCY: '4',
      };
      topK = await startGenerator({ ...environment, OVERTONE_ENTROPY: 'top-k' });
    });

    afterAll(async () => {
      await topK.stop();
      await server.kill();
    });

    it('is described as it is', async () => {
      expect(await topK.generator.describeModel({})).toMatchObject({
        model: 'smollm2',
        parameters: 134_515_008,
        vocabularySize: VOCABULARY_SIZE,
        contextLength: 512,
        backend: 'openai',
        entropyKind: EntropyKind.ENTROPY_KIND_TOP_K,
      });
    });

    it('gives tokens that spell the text, with the end token, and numbers for each', async () => {
      const samples = await generateAll(topK.generator, request());
      expect(samples).toHaveLength(8);
      expect(new Set(samples.map(({ text }) => text)).size).toBeGreaterThan(4);
      for (const sample of samples) {
        const { tokenIds, finishReason, completionTokens } = sample;
        expect(completionTokens).toBe(tokenIds.length);
        expect(sample.tokenLogprobs).toHaveLength(tokenIds.length);
        expect(sample.tokenEntropies).toHaveLength(tokenIds.length);
        expect(sample.tokenEntropyErrors).toHaveLength(tokenIds.length);
        const ended = finishReason === FinishReason.FINISH_REASON_STOP;
        expect(tokenIds.at(-1) === END_TOKEN).toBe(ended);
        expect(ended || tokenIds.length === 48).toBe(true);
        const spelt = await server.ask('/detokenize', { tokens: ended ? tokenIds.slice(0, -1) : tokenIds });
        expect(spelt).toEqual({ content: sample.text });
      }
    });

    it('gives log-probabilities at temperature 1, and bounds that hold the entropy of the whole vocabulary', async () => {
      const greedy = request({ samples: 1, temperature: 0, maxNewTokens: 12 }, 1);
      const [sample] = await generateAll(topK.generator, greedy);
      // All 49,152 log-probabilities of every token, at another temperature: the sampled tokens are forced by a tiny nucleus.
      const full = (await server.ask('/v1/chat/completions', {
        messages: greedy.prompts[0]?.messages,
        temperature: 1,
        top_k: 1,
        max_tokens: 12,
        logprobs: true,
        top_logprobs: VOCABULARY_SIZE,
      })) as { choices: readonly FullChoice[] };
      const tokens = full.choices[0]?.logprobs.content ?? [];
      expect(tokens.map(({ id }) => id)).toEqual(sample?.tokenIds);
      for (const [at, { logprob, top_logprobs: all }] of tokens.entries()) {
        expect(all).toHaveLength(VOCABULARY_SIZE);
        expect(sample?.tokenLogprobs[at]).toBeCloseTo(logprob, 1);
        const entropy = -all.reduce((sum, each) => sum + Math.exp(each.logprob) * each.logprob, 0);
        const error = sample?.tokenEntropyErrors[at] ?? NaN;
        // Batches of other sizes round differently: some thousandths of a nat.
        expect(Math.abs((sample?.tokenEntropies[at] ?? NaN) - entropy)).toBeLessThanOrEqual(error + 0.02);
      }
    });

    it('draws from the same tempered nucleus as the engine: tempered first, then cut', async () => {
      // At a high temperature and with a small nucleus the order decides how many tokens are left.
      const hot = request({ samples: 40, temperature: 1.5, topP: 0.3, maxNewTokens: 1 }, 1);
      const drawn = new Set((await generateAll(topK.generator, hot)).map(({ tokenIds }) => tokenIds[0]));
      const full = (await server.ask('/v1/chat/completions', {
        messages: hot.prompts[0]?.messages,
        max_tokens: 1,
        logprobs: true,
        top_logprobs: VOCABULARY_SIZE,
      })) as {
        choices: readonly {
          logprobs: { content: readonly { top_logprobs: readonly { id: number; logprob: number }[] }[] };
        }[];
      };
      const all = full.choices[0]?.logprobs.content[0]?.top_logprobs ?? [];
      const weights = all.map(({ id, logprob }) => ({ id, weight: Math.exp(logprob / 1.5) }));
      const total = weights.reduce((sum, { weight }) => sum + weight, 0);
      const nucleus = new Set<number>();
      let mass = 0;
      for (const { id, weight } of weights.sort((a, b) => b.weight - a.weight)) {
        if (mass >= 0.3 * total) break;
        nucleus.add(id);
        mass += weight;
      }
      expect([...drawn].filter((id) => id === undefined || !nucleus.has(id))).toEqual([]);
      expect(drawn.size).toBeGreaterThan(1);
    });

    it('ends at stop strings', async () => {
      const [sample] = await generateAll(
        topK.generator,
        request({ samples: 1, temperature: 0, stop: ['.', ' is'] }, 1),
      );
      expect(sample?.finishReason).toBe(FinishReason.FINISH_REASON_STOP);
      expect(sample?.text).not.toMatch(/\.| is/);
      expect(sample?.text.length).toBeGreaterThan(0);
      expect(sample?.tokenLogprobs).toHaveLength(sample?.tokenIds.length ?? NaN);
    });

    it('refuses what its context cannot hold, before or after the fact', async () => {
      const long = request({ samples: 1, maxNewTokens: 8 }, 1);
      // Of four long stories one at least does not end by itself.
      const ask = (content: string, maxNewTokens: number) =>
        generateAll(topK.generator, {
          ...long,
          prompts: [{ id: 'long', messages: [{ role: 'user', content }] }],
          sampling: { samples: 4, temperature: 1, topP: 1, maxNewTokens, seed: 1, stop: [] },
        });
      await expect(ask('word '.repeat(600), 8)).rejects.toMatchObject({
        codeName: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/prompts\[0\]: .*exceeds the available context size/),
      });
      await expect(
        ask('Write a very long story of a dragon and a town. Never stop. '.repeat(28), 400),
      ).rejects.toMatchObject({
        codeName: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/prompts\[0\]: the server's context ended after \d+ of 400/),
      });
    });

    it('has the entropies of the same weights in the engine, which agrees with it on the sampled tokens', async () => {
      const engine = await startGenerator({ ...environment, OVERTONE_MODEL: MODEL });
      try {
        const few = request({ samples: 2, maxNewTokens: 24 }, 2);
        // One after the other: they share two cores.
        const samples = await generateAll(engine.generator, few);
        const bounded = await generateAll(topK.generator, few);
        const target = (text: string) => ({ $case: 'completion' as const, value: { text } });
        const requests = samples.map(({ promptId, text }, index) => ({
          id: `${index}`,
          adapter: undefined,
          messages: few.prompts.find(({ id }) => id === promptId)?.messages ?? [],
          target: target(text),
        }));
        const gaps: number[] = [];
        for await (const { id, tokenLogprobs } of engine.generator.score(requests)) {
          const sample = samples[Number(id)];
          // The last of a text that was cut off is an end token that was never sampled.
          sample?.tokenLogprobs.forEach((logprob, at) =>
            gaps.push(Math.abs(logprob - (tokenLogprobs[at] ?? NaN))),
          );
        }
        expect(gaps.length).toBeGreaterThan(20);
        // llama.cpp rounds activations to 8 bits, the engine does not.
        expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeLessThan(0.12);
        let compared = 0;
        for (const [index, sample] of samples.entries()) {
          expect(sample.entropyKind).toBe(EntropyKind.ENTROPY_KIND_TEACHER_FORCED);
          expect(sample.tokenEntropies).toHaveLength(sample.tokenIds.length);
          const other = bounded[index];
          if (other?.text !== sample.text) continue;
          compared += 1;
          sample.tokenEntropies.forEach((entropy, at) => {
            const error = other.tokenEntropyErrors[at] ?? NaN;
            expect(Math.abs(entropy - (other.tokenEntropies[at] ?? NaN))).toBeLessThan(error + 0.6);
          });
        }
        expect(compared).toBeGreaterThan(0);
      } finally {
        await engine.stop();
      }
    });

    it('has its slots free again when a call is cancelled', async () => {
      const controller = new AbortController();
      const asked = generateAll(
        topK.generator,
        request({ samples: 20, maxNewTokens: 400 }),
        controller.signal,
      );
      await expect.poll(() => server.busySlots(), { timeout: 20_000 }).toBe(4);
      controller.abort();
      await expect(asked).rejects.toThrow(/abort/i);
      await expect.poll(() => server.busySlots(), { timeout: 20_000 }).toBe(0);
      await setTimeout(200);
      expect(await server.busySlots()).toBe(0);
    });

    it('may be killed and started again in the middle of a call', async () => {
      const asked = generateAll(topK.generator, request({ maxNewTokens: 60, temperature: 1 }));
      await expect.poll(() => server.busySlots(), { timeout: 20_000 }).toBeGreaterThan(0);
      await server.kill();
      await setTimeout(300);
      await server.restart();
      expect(await asked).toHaveLength(8);
    });

    it.each([
      ['a wrong key', { OPENAI_API_KEY: 'sk-wrong' }, /refuses the credentials \(401 Invalid API Key\)/],
      [
        'a model that it does not have',
        { OVERTONE_OPENAI_MODEL: 'gpt-5' },
        /no model "gpt-5"; its models: "smollm2"/,
      ],
    ])('ends a start with %s', async (_, change, expected) => {
      const { code, said } = await failedStart({ ...environment, ...change });
      expect(code).toBe(2);
      expect(said).toMatch(expected);
    });
  },
);
