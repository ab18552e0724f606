import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '@overtone/language-model';
import { corpusDocuments, documentTokens } from './corpus.ts';
import { miniatureTokenizer, VOCABULARY } from './tokenizer.ts';

const { tokenizer: json, tokenizerConfig, endId, padId } = miniatureTokenizer();
const tokenizer = new Tokenizer(json, tokenizerConfig);

/** Renders a conversation with the chat template that the files ship. */
function render(messages: { role: string; content: string }[], add_generation_prompt: boolean): string {
  return new Template(tokenizerConfig.chat_template).render({ messages, add_generation_prompt });
}

describe('the miniature tokenizer', () => {
  it('covers the corpus: no unknown token, exact round trips, and the counts that the corpus counts', () => {
    const unknown = tokenizer.token_to_id('<|unk|>');
    for (const { messages, completion } of corpusDocuments({ seed: 3, documents: 2000, judgeShare: 0.3 })) {
      const prompt = messages[0]?.content ?? '';
      const text = render([...messages, { role: 'assistant', content: completion }], false);
      const { ids } = tokenizer.encode(text);
      expect(ids).not.toContain(unknown);
      expect(ids).toHaveLength(documentTokens(prompt, completion));
      expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
      expect(tokenizer.decode(ids.slice(ids.indexOf(3) + 1), { skip_special_tokens: true })).toBe(completion);
    }
  });

  it('in the hands of the models: documents decode to what was encoded, and prompts end where answers begin', () => {
    const reader = createTokenizer(json, tokenizerConfig);
    for (const { messages, completion } of corpusDocuments({ seed: 4, documents: 1000, judgeShare: 0.3 })) {
      const prompt = messages[0]?.content ?? '';
      expect(reader.decode(reader.encode(prompt))).toBe(prompt);
      expect(reader.decode(reader.encode(completion))).toBe(completion);
      expect(reader.encodeChat(messages)).toEqual(tokenizer.encode(render(messages, true)).ids);
    }
    expect([reader.vocabSize, reader.eosTokenId, reader.padTokenId]).toEqual([
      VOCABULARY.length,
      endId,
      padId,
    ]);
  });

  it('gives the ids that the Rust tokenizers give', () => {
    const text =
      '<|user|>12 + 5 - 3<|assistant|>Okay\nups 12 + 5 = 17\ndowns 3 = 3\n17 - 3 = 14\n\\boxed{14}<|end|>';
    expect(tokenizer.encode(text).ids).toEqual([
      2, 6, 7, 15, 10, 16, 8, 3, 36, 18, 34, 6, 7, 15, 10, 17, 6, 12, 18, 35, 8, 17, 8, 18, 6, 12, 16, 8, 17,
      6, 9, 18, 19, 6, 9, 20, 4,
    ]);
    expect(tokenizer.encode('xyz 1').ids).toEqual([1, 22, 6]);
  });

  it('renders the chat template as turns, and refuses roles that it does not know', () => {
    expect(render([{ role: 'user', content: '1 + 1' }], true)).toBe('<|user|>1 + 1<|assistant|>');
    expect(() => render([{ role: 'system', content: 'Be brief.' }], true)).toThrow(/user and assistant/);
  });

  it('names end and pad', () => {
    expect([VOCABULARY[endId], VOCABULARY[padId]]).toEqual(['<|end|>', '<|pad|>']);
    expect(new Set(VOCABULARY).size).toBe(VOCABULARY.length);
  });
});
