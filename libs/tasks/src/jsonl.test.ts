import { describe, expect, it } from 'vitest';
import { parseJsonl } from './jsonl.ts';

describe('parseJsonl', () => {
  it('reads questions with plain answers, numbers, and worked solutions', () => {
    const text = [
      '{"id": "a", "question": "1 + 1", "answer": 2, "difficulty": "easy"}',
      '',
      '{"question": "2 + 2", "answer": "4"}',
      '{"question": "A thousand and one?", "answer": "1000 + 1 = 1001\\n#### 1,001"}',
    ].join('\r\n');
    const problems = parseJsonl(text, 'x.jsonl');
    expect(problems.map(({ answer }) => answer)).toEqual(['2', '4', '1001']);
    expect(problems[0]).toEqual({ id: 'a', question: '1 + 1', answer: '2', difficulty: 'easy' });
    expect(problems[1]?.id).toBe(parseJsonl('{"question": "2 + 2", "answer": "4"}', 'elsewhere')[0]?.id);
  });

  it.each([
    ['{"question": "1 + 1", "answer": 2}\n{"question": ', 'x.jsonl:2: not JSON'],
    ['[]', 'x.jsonl:1: expected an object'],
    ['{"answer": 2}', 'x.jsonl:1: "question" must be'],
    ['\n{"question": "?", "answer": "two"}', 'x.jsonl:2: "answer" must be an integer'],
    ['{"question": "?"}', 'x.jsonl:1: "answer" must be an integer'],
    ['{"question": "?", "answer": 1}\n{"question": "?", "answer": 1}', 'x.jsonl:2: id'],
    ['\n\n', 'x.jsonl: no problems'],
  ])('refuses %j', (text, message) => {
    expect(() => parseJsonl(text, 'x.jsonl')).toThrow(message);
  });
});
