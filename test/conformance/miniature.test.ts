// The shipped model, in Overtone and in transformers: the same tokens, logits, scores and answers.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model, type ParameterMap, readSafetensors } from '@overtone/language-model';
import { type Conversations, wholeSequences } from './pretrained.fixture.ts';
import {
  greedyOf,
  largestError,
  logitsOf,
  readFacts,
  relativeError,
  scoresOf,
  vector,
  VECTORS,
} from './reference.fixture.ts';

describe('the miniature', () => {
  let model: Model;
  let facts: Conversations;
  let tensors: ParameterMap;
  beforeAll(async () => {
    model = await loadModel(fileURLToPath(new URL('../../libs/miniature/model', import.meta.url)));
    facts = await readFacts('miniature/vectors.json');
    tensors = await readSafetensors(join(VECTORS, 'miniature', 'vectors.safetensors'));
  });

  it('reads a conversation as the tokens that transformers makes of it', () => {
    for (const { messages, prompt } of facts.prompts)
      expect(model.tokenizer.encodeChat(messages)).toEqual(prompt);
  });

  it('has the logits of transformers to 1e-4 of the largest', async () => {
    for (const [index, ids] of wholeSequences(facts).entries()) {
      const logits = await logitsOf(model.config, model.parameters, ids);
      expect(relativeError(logits, vector(tensors, `logits.${index}`).data)).toBeLessThan(1e-4);
    }
  });

  it('scores texts with its log-probabilities and entropies, to 1e-4 nats', async () => {
    const scores = await scoresOf(model.config, model.parameters, wholeSequences(facts));
    for (const [index, score] of scores.entries()) {
      for (const kind of ['logprobs', 'entropies'] as const)
        expect(largestError(score[kind], vector(tensors, `${kind}.${index}`).data)).toBeLessThan(1e-4);
    }
  });

  it('answers with its greedy tokens', async () => {
    const { config, parameters, tokenizer } = model;
    const prompts = facts.prompts.map(({ prompt }) => prompt);
    expect(await greedyOf(config, parameters, prompts, tokenizer.eosTokenId)).toEqual(
      facts.prompts.map(({ tokens }) => tokens),
    );
  });
});
