import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadJsonl, parseJsonl } from './jsonl.ts';

describe('parseJsonl', () => {
  it('reads questions with plain answers, numbers, and worked solutions', () => {
    const text = [
      '{"id": "a", "question": "1 + 1", "answer": 2, "difficulty": "easy"}',
      '',
      '{"question": "2 + 2", "answer": "4"}',
      '{"question": "A thousand and one?", "answer": "1000 + 1 = 1001\\n#### 1,001"}',
      '{"question": "Half of one?", "answer": "It is $\\\\boxed{\\\\frac{1}{2}}$."}',
      '{"question": "Which one?", "answer": "(B)", "id": 7, "difficulty": 3}',
    ].join('\r\n');
    const problems = parseJsonl(text, 'x.jsonl');
    expect(problems.map(({ answer }) => answer)).toEqual(['2', '4', '1001', '0.5', '(B)']);
    expect(problems[0]).toEqual({ id: 'a', question: '1 + 1', answer: '2', difficulty: 'easy' });
    expect(problems[1]?.id).toBe(parseJsonl('{"question": "2 + 2", "answer": "4"}', 'elsewhere')[0]?.id);
    expect(problems[2]?.solution).toBe('1000 + 1 = 1001\n#### 1,001');
    expect(problems[4]).toMatchObject({ id: '7', difficulty: '3' });
  });

  it('takes other names of fields, and leaves answers alone where it is told to', () => {
    const text = '{"prompt": "1 + 1?", "solution": "1 + 1 = 02\\n#### 02", "answer": 3, "level": "Level 1"}';
    const fields = { question: 'prompt', answer: 'solution', difficulty: 'level' };
    expect(parseJsonl(text, 'x', { fields })[0]).toMatchObject({
      question: '1 + 1?',
      answer: '2',
      difficulty: 'Level 1',
    });
    expect(parseJsonl(text, 'x', { fields, rawAnswers: true })[0]?.answer).toBe('1 + 1 = 02\n#### 02');
  });

  it.each([
    ['{"question": "1 + 1", "answer": 2}\n{"question": ', 'x.jsonl:2: not JSON'],
    ['[]', 'x.jsonl:1: expected an object'],
    [
      '{"answer": 2}',
      'x.jsonl:1: "question" must be a non-empty string, but is missing; there is "answer" (name',
    ],
    ['\n{"question": "?", "answer": ""}', 'x.jsonl:2: "answer" is "": there is no answer in it'],
    ['{"question": "?", "answer": "3 + 4\\n#### "}', 'x.jsonl:1: "answer" is'],
    ['{"question": "?", "answer": [2]}', 'x.jsonl:1: "answer" must be a number or a text; got [2]'],
    [
      '{"question": "?"}',
      'x.jsonl:1: "answer" must be a number or a text, but is missing; there is "question"',
    ],
    ['{"question": "?", "answer": 1, "id": ""}', 'x.jsonl:1: "id" must be'],
    ['{"question": "?", "answer": 1}\n{"question": "?", "answer": 1}', 'x.jsonl:2: id'],
    ['\n\n', 'x.jsonl: no problems'],
  ])('refuses %j', (text, message) => {
    expect(() => parseJsonl(text, 'x.jsonl')).toThrow(message);
  });
});

describe('loadJsonl', () => {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-jsonl-'));
  const line = '{"question": "1 + 1", "answer": 2}\n';
  const write = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };

  it.each([
    ['plain.jsonl', line],
    ['packed.jsonl.gz', gzipSync(line)],
    ['packed.jsonl.br', brotliCompressSync(line)],
    ['packed.jsonl.zst', zstdCompressSync(line)],
  ])('reads %s', async (name, bytes) => {
    expect(await loadJsonl(write(name, bytes))).toMatchObject([{ question: '1 + 1', answer: '2' }]);
  });

  it('says what is wrong with a file', async () => {
    await expect(loadJsonl(join(folder, 'none.jsonl'))).rejects.toThrow('none.jsonl: no such file');
    const truncated = write('cut.jsonl.gz', gzipSync(line).subarray(0, 20));
    await expect(loadJsonl(truncated)).rejects.toThrow(/cut\.jsonl\.gz: is truncated, or not compressed/);
  });
});
