import { describe, expect, it } from 'vitest';
import { askingTurns, DEFAULT_PROMPT_TEMPLATE, exampleTurns, renderPrompt, solvedExample } from './prompt.ts';

describe('renderPrompt', () => {
  it('puts the question in literally', () => {
    expect(renderPrompt('Q: {question}\nAgain: {question}', { question: "$& and {question} and $'" })).toBe(
      "Q: $& and {question} and $'\nAgain: $& and {question} and $'",
    );
    expect(renderPrompt(DEFAULT_PROMPT_TEMPLATE, { question: '1 + 1' })).toMatch(/^1 \+ 1\n/);
  });

  it('refuses a template without a place for the question', () => {
    expect(() => renderPrompt('Solve it.', { question: '1 + 1' })).toThrow('has no "{question}"');
  });
});

describe('solved examples', () => {
  const example = { id: 'e', question: '2 + 2?', answer: '4', difficulty: '', solution: '2 + 2 = 4\n#### 4' };

  it('are turns of the conversation before the question that is asked', () => {
    const template = 'Q: {question}\nA:';
    const examples = [example, { ...example, solution: 'It is \\boxed{4}.' }].map(solvedExample);
    expect(
      askingTurns({ template, turns: exampleTurns(template, examples) }, { question: '1 + 1?' }),
    ).toEqual([
      { role: 'user', content: 'Q: 2 + 2?\nA:' },
      { role: 'assistant', content: '2 + 2 = 4\n\\boxed{4}' },
      { role: 'user', content: 'Q: 2 + 2?\nA:' },
      { role: 'assistant', content: 'It is \\boxed{4}.' },
      { role: 'user', content: 'Q: 1 + 1?\nA:' },
    ]);
  });

  it('are wanted with worked solutions', () => {
    expect(() => solvedExample({ ...example, solution: '#### 4' })).toThrow(
      'examples: question "e" has no worked solution',
    );
  });
});
