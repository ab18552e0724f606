import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  causalBias,
  decode,
  headLogits,
  initialAdapter,
  linearOf,
  mergeLora,
  parameterSpecs,
  parseDecoderConfig,
  type LoraConfig,
  type NamedTensor,
} from '@overtone/language-model';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { createPackedWeights, residentPrograms, sizeOf } from '@overtone/tensor';
import {
  hostParameters,
  Sampler,
  TeacherForcing,
  type Sample,
  type SamplingOptions,
  type SamplingPrompt,
} from './index.ts';

describe.each([
  { headDim: 8, resident: false },
  { headDim: 16, resident: false },
  { headDim: 16, resident: residentPrograms() },
])('a model with heads of $headDim numbers, weights resident: $resident', ({ headDim, resident }) => {
  const config = parseDecoderConfig({
    architectures: ['Qwen3ForCausalLM'],
    vocab_size: 23,
    hidden_size: 32,
    intermediate_size: 40,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: headDim,
    max_position_embeddings: 256,
    tie_word_embeddings: true,
  });
  const parameters = new Map<string, NamedTensor>(
    [...parameterSpecs(config)].map(([name, { shape }]) => {
      const random = seededRandom('test', name);
      return [
        name,
        {
          shape,
          data: Float32Array.from({ length: sizeOf(shape) }, () =>
            name.includes('norm') ? 1 : 0.35 * normalDeviate(random),
          ),
        },
      ];
    }),
  );
  const weights = hostParameters(
    parameters,
    undefined,
    resident ? { weights: hostParameters(parameters).tensors, packed: createPackedWeights() } : undefined,
  );
  const model = { config, eosTokenId: 4, padTokenId: 0 };
  const options: SamplingOptions = { samples: 3, maxNewTokens: 100, temperature: 1, topP: 0.95, seed: 7 };
  const prompts: SamplingPrompt[] = Array.from({ length: 12 }, (_, index) => ({
    id: `p${index}`,
    tokens: Array.from({ length: 2 + ((index * 7) % 40) }, (_, at) => 5 + ((at * 3 + index) % 18)),
  }));

  async function sampleAll(
    sampler: Sampler,
    from: SamplingPrompt[],
    how = options,
  ): Promise<Map<string, Sample>> {
    const found = new Map<string, Sample>();
    for await (const sample of sampler.sample(weights, from, how))
      found.set(`${sample.promptId}/${sample.sampleIndex}`, sample);
    return found;
  }

  async function drained(samples: AsyncIterable<Sample>): Promise<void> {
    for await (const _ of samples);
  }

  /** Log-probabilities after every token of a sequence, from one full eager forward on TensorFlow.js's cpu backend. */
  function eagerLogprobs(tokens: readonly number[]): number[][] {
    void tf.setBackend('cpu');
    return tf.tidy(() => {
      const tensors = Object.fromEntries(
        [...parameters].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
      );
      const input = {
        tokens: tf.tensor2d([...tokens], [1, tokens.length], 'int32'),
        positions: tf.tensor2d([...tokens.keys()], [1, tokens.length], 'int32'),
        bias: causalBias(tokens.length),
      };
      const { hidden } = decode(config, tensors, linearOf(tensors), input);
      return tf.logSoftmax(headLogits(config, tensors, hidden)).arraySync();
    });
  }

  describe('Sampler', () => {
    it('decodes step by step what one full forward computes, entropies included', async () => {
      const samples = await sampleAll(new Sampler(model), prompts.slice(0, 3));
      for (const sample of samples.values()) {
        const prompt = prompts.find(({ id }) => id === sample.promptId)?.tokens ?? [];
        const rows = eagerLogprobs([...prompt, ...sample.tokens]);
        sample.tokens.forEach((token, index) => {
          const row = rows[prompt.length + index - 1] ?? [];
          expect(sample.logprobs[index]).toBeCloseTo(row[token] ?? NaN, 4);
          expect(sample.entropies[index]).toBeCloseTo(
            -row.reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0),
            4,
          );
        });
      }
    });

    it('gives a sample the same tokens and the same numbers whatever it is batched with', async () => {
      const together = await sampleAll(new Sampler(model, { slots: 32 }), prompts);
      expect(together.size).toBe(36);
      const narrow = await sampleAll(new Sampler(model, { slots: 8 }), prompts.toReversed());
      expect(new Map([...narrow].sort())).toEqual(new Map([...together].sort()));
      const alone = await sampleAll(new Sampler(model), prompts.slice(5, 6));
      for (const [key, sample] of alone) expect(sample).toEqual(together.get(key));
    });

    it('computes long prompts in pieces, and what they have in common once, to the same numbers', async () => {
      const common = Array.from({ length: 130 }, (_, at) => 5 + ((at * 5) % 17));
      const long = [0, 1, 2].map((index) => ({
        id: `long${index}`,
        tokens: [...common, ...Array.from({ length: 3 + 25 * index }, (_, at) => 5 + ((at + index) % 18))],
      }));
      const few = { ...options, samples: 2, maxNewTokens: 20 };
      const sampler = new Sampler(model);
      const together = await sampleAll(sampler, long, few);
      for (const { promptId, tokens, logprobs } of together.values()) {
        const prompt = long.find(({ id }) => id === promptId)?.tokens ?? [];
        const rows = eagerLogprobs([...prompt, ...tokens]);
        tokens.forEach((token, index) =>
          expect(logprobs[index]).toBeCloseTo(rows[prompt.length + index - 1]?.[token] ?? NaN, 4),
        );
      }
      // With beginnings that are known from before, and with no memory for them.
      for (const other of [sampler, new Sampler(model, { cacheBytes: 400_000 })])
        for (const prompt of long)
          for (const [key, sample] of await sampleAll(other, [prompt], few))
            expect(sample).toEqual(together.get(key));
    });

    it('decodes as many at once as memory allows, with the same results', async () => {
      const wide = await sampleAll(new Sampler(model), prompts);
      const narrow = await sampleAll(new Sampler(model, { cacheBytes: 400_000 }), prompts);
      expect(new Map([...narrow].sort())).toEqual(new Map([...wide].sort()));
      await expect(sampleAll(new Sampler(model, { cacheBytes: 100_000 }), prompts)).rejects.toThrow(
        /needs \d+ MiB of key-value cache.*OVERTONE_KV_CACHE/,
      );
    });

    it('lets runs wait for memory, and gives it back when one is cancelled', async () => {
      const sampler = new Sampler(model, { cacheBytes: 400_000 });
      const controller = new AbortController();
      const first = sampler.sample(weights, prompts, options, controller.signal);
      await first.next();
      const second = sampleAll(sampler, prompts.slice(0, 2));
      const waiting = new AbortController();
      const third = sampler.sample(weights, prompts, options, waiting.signal).next();
      waiting.abort();
      await expect(third).rejects.toThrow(/abort/i);
      controller.abort();
      // What was finished already still comes.
      await expect(drained(first)).rejects.toThrow(/abort/i);
      expect((await second).size).toBe(6);
    });

    it('ends a sample where a stop string is complete', async () => {
      const text = (tokens: readonly number[]): string =>
        tokens.map((token) => String.fromCharCode(97 + token)).join('');
      const free = await sampleAll(new Sampler({ ...model, decode: text }), prompts);
      const longest = [...free.values()].reduce((a, b) => (a.tokens.length >= b.tokens.length ? a : b));
      const stop = text(longest.tokens.slice(7, 10));
      const stopped = await sampleAll(new Sampler({ ...model, decode: text }), prompts, {
        ...options,
        stop: [stop, 'nowhere'],
      });
      for (const [key, { tokens, finishReason }] of stopped) {
        const whole = free.get(key)?.tokens ?? [];
        const end = text(whole).indexOf(stop);
        expect(tokens).toEqual(end < 0 ? whole : whole.slice(0, end + stop.length));
        if (end >= 0) expect(finishReason).toBe('stop');
      }
      const same = `${longest.promptId}/${longest.sampleIndex}`;
      expect(stopped.get(same)?.tokens.length).toBeLessThan(longest.tokens.length);
      await expect(sampleAll(new Sampler(model), prompts, { ...options, stop: ['x'] })).rejects.toThrow(
        /stop/,
      );
    });

    it('applies an adapter beside the frozen weights as if it were merged', async () => {
      const lora: LoraConfig = { r: 2, alpha: 4, targetModules: ['q_proj', 'v_proj', 'down_proj'] };
      const adapter = new Map(
        [...initialAdapter(config, lora, 1)].map(([name, { shape }]) => {
          const random = seededRandom('adapter', name);
          const data = Float32Array.from({ length: sizeOf(shape) }, () => 0.2 * normalDeviate(random));
          return [name, { shape, data }];
        }),
      );
      const merged = hostParameters(mergeLora(parameters, lora, adapter));
      const beside = hostParameters(parameters, { lora, parameters: adapter }, weights.resident);
      const sampler = new Sampler(model);
      const first: Sample[] = [];
      for await (const sample of sampler.sample(beside, prompts, options)) first.push(sample);
      const items = first.map(({ promptId, tokens }) => ({
        prompt: prompts.find(({ id }) => id === promptId)?.tokens ?? [],
        continuations: [tokens],
      }));
      const forcing = new TeacherForcing(config);
      const [underMerged, underBase] = await Promise.all(
        [merged, weights].map((each) => forcing.score(each, items)),
      );
      const distance = (scores: typeof underMerged): number =>
        Math.max(
          ...first.flatMap(({ logprobs }, index) =>
            logprobs.map((logprob, at) => Math.abs(logprob - (scores?.[index]?.[0]?.logprobs[at] ?? NaN))),
          ),
        );
      expect(distance(underMerged)).toBeLessThan(1e-4);
      expect(distance(underBase)).toBeGreaterThan(0.1);
    });

    it('ends samples at the end token or the limit, and says which', async () => {
      const samples = [...(await sampleAll(new Sampler(model), prompts)).values()];
      for (const { tokens, finishReason } of samples) {
        expect(tokens.slice(0, -1)).not.toContain(model.eosTokenId);
        if (finishReason === 'stop') expect(tokens.at(-1)).toBe(model.eosTokenId);
        else expect(tokens).toHaveLength(options.maxNewTokens);
      }
      expect(new Set(samples.map(({ finishReason }) => finishReason)).size).toBe(2);
    });

    it('is greedy at temperature 0', async () => {
      const samples = await sampleAll(new Sampler(model), prompts.slice(0, 2), {
        ...options,
        temperature: 0,
        samples: 2,
        maxNewTokens: 12,
      });
      for (const { promptId } of [...samples.values()]) {
        expect(samples.get(`${promptId}/0`)?.tokens).toEqual(samples.get(`${promptId}/1`)?.tokens);
      }
    });

    it('refuses a prompt that cannot fit, before it computes anything', async () => {
      const long = { id: 'long', tokens: new Array<number>(200).fill(5) };
      await expect(sampleAll(new Sampler(model), [long])).rejects.toThrow(
        /long has 200 tokens.*context of 256/,
      );
    });

    it('stops when it is cancelled', async () => {
      const controller = new AbortController();
      const run = new Sampler(model).sample(weights, prompts, options, controller.signal);
      await run.next();
      controller.abort();
      await expect(
        (async () => {
          for await (const sample of run) void sample;
        })(),
      ).rejects.toThrow(/abort/i);
    });
  });

  describe('TeacherForcing', () => {
    it('scores after long prompts that begin alike as after each alone', async () => {
      const forcing = new TeacherForcing(config);
      const common = Array.from({ length: 70 }, (_, at) => 5 + ((at * 7) % 17));
      const items = [0, 1, 2, 3].map((index) => ({
        prompt: [
          ...common,
          ...Array.from({ length: 10 + 40 * index }, (_, at) => 5 + ((at * index) % 18)),
        ].slice(0, index === 3 ? 64 : undefined),
        continuations: [
          [6, 7, 8 + index],
          [6, 9],
        ],
      }));
      const together = await forcing.score(weights, items);
      for (const [index, { prompt, continuations }] of items.entries()) {
        for (const [which, continuation] of continuations.entries()) {
          const rows = eagerLogprobs([...prompt, ...continuation]);
          const score = together[index]?.[which];
          expect(score?.logprobs).toHaveLength(continuation.length);
          continuation.forEach((token, at) =>
            expect(score?.logprobs[at]).toBeCloseTo(rows[prompt.length + at - 1]?.[token] ?? NaN, 4),
          );
        }
        expect((await new TeacherForcing(config).score(weights, items.slice(index, index + 1)))[0]).toEqual(
          together[index],
        );
      }
    });

    it('scores completions as sampling did', async () => {
      const samples = [...(await sampleAll(new Sampler(model), prompts)).values()];
      const items = samples.map(({ promptId, tokens }) => ({
        prompt: prompts.find(({ id }) => id === promptId)?.tokens ?? [],
        continuations: [tokens],
      }));
      const scores = await new TeacherForcing(config).score(weights, items);
      scores.forEach(([score], index) => {
        score?.logprobs.forEach((logprob, at) =>
          expect(logprob).toBeCloseTo(samples[index]?.logprobs[at] ?? NaN, 4),
        );
        score?.entropies.forEach((entropy, at) =>
          expect(entropy).toBeCloseTo(samples[index]?.entropies[at] ?? NaN, 4),
        );
      });
    });

    it('scores branches that share a beginning as if each stood alone', async () => {
      const forcing = new TeacherForcing(config);
      const prompt = [7, 8, 9, 5];
      const continuations = [
        [6, 7, 8, 11],
        [6, 7, 10],
        [6, 7, 8, 12, 13],
      ];
      const [together] = await forcing.score(weights, [{ prompt, continuations }]);
      const alone = await forcing.score(
        weights,
        continuations.map((continuation) => ({ prompt, continuations: [continuation] })),
      );
      together?.forEach((score, index) => {
        score.logprobs.forEach((logprob, at) =>
          expect(logprob).toBeCloseTo(alone[index]?.[0]?.logprobs[at] ?? NaN, 5),
        );
        expect(score.logprobs).toHaveLength(continuations[index]?.length ?? 0);
      });
    });
  });
});
