import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  causalBias,
  decode,
  headLogits,
  linearOf,
  parameterSpecs,
  parseDecoderConfig,
  type NamedTensor,
} from '@overtone/language-model';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { sizeOf } from '@overtone/tensor';
import {
  hostParameters,
  Sampler,
  TeacherForcing,
  type Sample,
  type SamplingOptions,
  type SamplingPrompt,
} from './index.ts';

const config = parseDecoderConfig({
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 23,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
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
const weights = hostParameters(parameters);
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
