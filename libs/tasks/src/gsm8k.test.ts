import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { countSteps, loadGsm8k } from './gsm8k.ts';
import type { LoadedProblem } from './problem.ts';
import { verify } from './verify.ts';

const PUBLISHED = {
  train: '17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465',
  test: '3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14',
};

function shipped(split: 'train' | 'test'): Buffer {
  return brotliDecompressSync(
    readFileSync(fileURLToPath(new URL(`../data/gsm8k/${split}.jsonl.br`, import.meta.url))),
  );
}

describe('GSM8K', () => {
  let problems: LoadedProblem[] = [];
  /** The published solutions, with calculator annotations. */
  let published: string[] = [];
  beforeAll(async () => {
    problems = [...(await loadGsm8k({ split: 'train' })), ...(await loadGsm8k({ split: 'test' }))];
    published = (['train', 'test'] as const).flatMap((split) =>
      shipped(split)
        .toString('utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { answer: string }).answer),
    );
  });

  it('is shipped as it was published', () => {
    for (const split of ['train', 'test'] as const) {
      expect(createHash('sha256').update(shipped(split)).digest('hex')).toBe(PUBLISHED[split]);
    }
    expect(problems).toHaveLength(8792);
    expect(new Set(problems.map(({ id }) => id)).size).toBe(8792);
    expect(problems[7473]).toMatchObject({ id: 'gsm8k/test/0', answer: '18', difficulty: 'steps=2' });
    expect(problems[7473]?.solution).toContain('16 - 3 - 4 = 9 duck eggs');
    const count = (label: string) => problems.filter(({ difficulty }) => difficulty === label).length;
    expect([count('steps=1'), count('steps=2'), count('steps=9'), count('steps=0')]).toEqual([
      469, 2560, 3, 0,
    ]);
  });

  const forms: [string, (solution: string, body: string, answer: string) => string][] = [
    ['as it is', (solution) => solution],
    ['without annotations', (solution) => solution.replace(/<<[^>]*>>/g, '')],
    ['in a box', (_, body, answer) => `${body}\n\\boxed{${answer}}`],
    [
      'in a box with a unit, in mathematics',
      (_, body, answer) => `${body}\n\\[\\boxed{${answer}\\text{ units}}\\]`,
    ],
    [
      'in a box with LaTeX separators',
      (_, body, answer) => `${body} $\\boxed{${answer.replaceAll(',', '{,}')}}$`,
    ],
    ['in words', (_, body, answer) => `${body}\nThe answer is ${answer}.`],
    ['in words, as money', (_, body, answer) => `${body}\nThe answer is $${answer}.00.`],
    ['as a heading', (_, body, answer) => `${body}\n\n**Answer:** ${answer} in all`],
    ['on the next line', (_, body, answer) => `${body}\nFinal answer:\n\n${answer}`],
    ['in bold', (_, body, answer) => `${body}\nIn all there are **${answer}**.`],
    ['as an equation', (_, body, answer) => `${body}\nTotal = ${answer}`],
  ];

  it.each(forms)(
    'all 8,792 solutions verify against their own answer %s, and against no other',
    (_, write) => {
      for (const [index, problem] of problems.entries()) {
        const solution = published[index] ?? '';
        const [body = '', answer = ''] = solution.split('\n#### ');
        const text = write(solution, body, answer.trim());
        const other = { answer: String(BigInt(problem.answer) + 1n) };
        const verdicts = [verify(problem, text).correct, verify(other, text).correct];
        if (!verdicts[0] || verdicts[1]) expect([text, problem.answer, verdicts]).toBe('right, then wrong');
      }
    },
  );

  it('can be limited to questions of so many steps', async () => {
    const some = await loadGsm8k({ split: 'test', steps: [5, 6] });
    expect(some).toHaveLength(199);
    expect(new Set(some.map(({ difficulty }) => difficulty))).toEqual(new Set(['steps=5', 'steps=6']));
  });

  it('is read from a folder too, with the same ids, and left raw for a verifier of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'overtone-gsm8k-'));
    writeFileSync(join(folder, 'test.jsonl.gz'), gzipSync(shipped('test')));
    expect(await loadGsm8k({ split: 'test', path: folder })).toEqual(problems.slice(7473));
    const [raw] = await loadGsm8k({ split: 'test', path: folder, rawAnswers: true });
    expect(raw?.answer).toMatch(/<<9\*2=18>>18 every day .*\n#### 18$/);
    await expect(loadGsm8k({ split: 'train', path: folder })).rejects.toThrow(
      /overtone-gsm8k-.*: there is no train\.jsonl or train-/,
    );
    await expect(loadGsm8k({ split: 'train', path: '/nowhere' })).rejects.toThrow('/nowhere: no such folder');
    writeFileSync(join(folder, 'train.jsonl'), '{"question": "1 + 1?", "answer": "2"}\n');
    await expect(loadGsm8k({ split: 'train', path: folder })).rejects.toThrow(
      /train\.jsonl: question 1: .*"#### <number>"/,
    );
  });
});

describe('countSteps', () => {
  it.each([
    ['a <<1+1=2>>2\nb <<2*3=6>>6\n#### 6', 2],
    ['two lines\nwithout annotations\n#### 6', 2],
    ['#### 6', 1],
  ])('of %j is %i', (solution, steps) => {
    expect(countSteps(solution)).toBe(steps);
  });
});
