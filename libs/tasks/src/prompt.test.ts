import { describe, expect, it } from 'vitest';
import { DEFAULT_PROMPT_TEMPLATE, renderPrompt } from './prompt.ts';

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
