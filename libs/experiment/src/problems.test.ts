import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseExperiment } from './config/load.ts';
import type { Task } from './config/schema.ts';
import { prepareRun } from './prepare.ts';
import { loadSplits } from './problems.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-problems-'));

function experimentOf(task: object) {
  const text = stringify({
    name: 'x',
    model: 'm',
    task,
    signals: { random: { method: 'random' } },
    objectives: {},
    arms: [],
    services: { generator: 'h:1', trainer: 'h:2' },
  });
  return parseExperiment(text, { file: 'x.yaml', folder });
}

const taskOf = (task: object): Task => experimentOf(task).task;

const GSM8K = {
  kind: 'gsm8k',
  train: { split: 'train', count: 200, seed: 1 },
  development: { split: 'train', count: 50, seed: 1, offset: 200 },
  easy: { split: 'test', steps: [1, 3], count: 40, seed: 2 },
  hard: { split: 'test', steps: [5, 9], count: 40, seed: 2 },
};

function jsonl(name: string, rows: readonly object[]): string {
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return name;
}

describe('loadSplits', () => {
  it('draws the shipped GSM8K: the same for the same seed, disjoint, as hard as asked for', async () => {
    const { train, development, easy, hard } = await loadSplits(taskOf(GSM8K));
    expect([train, development, easy, hard].map((split) => split?.length)).toEqual([200, 50, 40, 40]);
    expect(await loadSplits(taskOf(GSM8K))).toEqual({ train, development, easy, hard, examples: [] });
    const other = await loadSplits(
      taskOf({ ...GSM8K, train: { split: 'train', count: 200, seed: 7 }, development: undefined }),
    );
    expect(other.train).not.toEqual(train);
    expect(hard.every(({ difficulty }) => Number(difficulty.slice(6)) >= 5)).toBe(true);
    expect(Object.keys(train[0] ?? {}).sort()).toEqual(['answer', 'difficulty', 'id', 'question']);
  });

  it('takes examples out of the training questions and puts them into the prompt', async () => {
    const withExamples = {
      ...GSM8K,
      prompt: 'Question: {question}\nAnswer:',
      examples: { count: 3, seed: 5 },
    };
    const { train, examples = [] } = await loadSplits(taskOf(withExamples));
    expect([train.length, examples.length]).toEqual([197, 3]);
    expect(train.some(({ question }) => examples.some((example) => example.question === question))).toBe(
      false,
    );
    const out = join(folder, 'run');
    const { prompt, folder: runFolder } = await prepareRun(experimentOf(withExamples), { out });
    runFolder.discard();
    const [asked = [], answered = []] = ['user', 'assistant'].map((role) =>
      prompt.turns.filter((turn) => turn.role === role).map(({ content }) => content),
    );
    expect(asked.map((text) => /^Question: .*\nAnswer:$/s.test(text))).toEqual([true, true, true]);
    expect(answered.map((text) => /\\boxed\{[\d.]+\}$/.test(text))).toEqual([true, true, true]);
    expect(answered.join()).not.toContain('<<');
    await expect(loadSplits(taskOf({ ...withExamples, examples: { count: 200 } }))).rejects.toThrow(
      'task.examples.count: 200 examples leave none',
    );
  });

  it('draws what reasoning-gym draws, and no question twice', async () => {
    const few = { seed: 1, size: 8, minTerms: 2, maxTerms: 2, maxDigits: 1 };
    const { train, easy, hard } = await loadSplits(
      taskOf({ kind: 'chain-sum', train: few, easy: few, hard: few }),
    );
    expect(train[0]?.question).toMatch(/^State the final answer/);
    expect(new Set([...train, ...easy, ...hard].map(({ id }) => id)).size).toBe(24);
  });

  it('reads files with fields of other names', async () => {
    const split = (n: number) => ({
      path: jsonl(`q${n}.jsonl`, [{ prompt: `${n} + 1?`, solution: `#### ${n + 1}` }]),
    });
    const task = {
      kind: 'jsonl',
      fields: { question: 'prompt', answer: 'solution' },
      train: split(1),
      easy: split(2),
      hard: split(3),
    };
    const { train, hard } = await loadSplits(taskOf(task));
    expect([train[0]?.answer, hard[0]?.answer]).toEqual(['2', '4']);
    const raw = await loadSplits(taskOf({ ...task, verifier: './own.ts' }));
    expect(raw.train[0]?.answer).toBe('#### 2');
    await expect(loadSplits(taskOf({ ...task, fields: undefined }))).rejects.toThrow(
      /^task\.train: .*q1\.jsonl:1: "question" must be a non-empty string, but is missing; there is "prompt", "solution"/,
    );
    await expect(loadSplits(taskOf({ ...task, hard: task.easy }))).rejects.toThrow(/is in task\.easy too/);
    await expect(loadSplits(taskOf({ ...task, easy: { path: 'none.jsonl' } }))).rejects.toThrow(
      /^task\.easy: .*none\.jsonl: no such file$/,
    );
    await expect(loadSplits(taskOf({ ...task, hard: { ...task.hard, count: 2 } }))).rejects.toThrow(
      'task.hard: there are only 1 questions, but 2 after the first 0 are asked for',
    );
  });
});
