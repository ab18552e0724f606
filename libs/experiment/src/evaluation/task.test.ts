import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { prepareQuestions } from '../prepare.ts';
import { loadExperiment } from '../config/load.ts';
import { referencesOf } from '../references.ts';
import { loadEvaluationTask } from './task.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-task-'));
const recipe = fileURLToPath(new URL('../../recipes/miniature.yaml', import.meta.url));

describe('the task of an evaluation', () => {
  it('is an experiment with the questions, the prompt and the styles of its runs', async () => {
    const task = await loadEvaluationTask(recipe, { splits: ['hard', 'development'], limit: 7 });
    const { splits, prompt } = await prepareQuestions(loadExperiment(recipe));
    expect(task.sets).toEqual([
      { name: 'hard', problems: splits.hard.slice(0, 7) },
      { name: 'development', problems: splits.development?.slice(0, 7) },
    ]);
    expect(task.prompt).toEqual(prompt);
    expect(task.style?.('\\boxed{3}')).toBe('direct');
    expect(task.experiment?.evaluation.samples).toBe(8);
  });

  it('is a file of questions, GSM8K, or a task of one split in YAML, whose paths start from it', async () => {
    const questions = join(folder, 'questions.jsonl');
    writeFileSync(
      questions,
      '{"id": "a", "question": "1 + 2", "answer": "3"}\n{"question": "4 + 4", "answer": "8"}\n',
    );
    const yaml = join(folder, 'task.yaml');
    writeFileSync(
      yaml,
      "kind: jsonl\npath: questions.jsonl\ncount: 1\nprompt: 'Solve {question}'\nexamples: [{ question: 1 + 1, solution: '2' }]\n",
    );
    const [file, gsm8k, own, asked] = await Promise.all([
      loadEvaluationTask(questions),
      loadEvaluationTask('gsm8k', { limit: 3 }),
      loadEvaluationTask(yaml),
      loadEvaluationTask(questions, { prompt: '{question}' }),
    ]);
    expect(file.sets.map(({ name, problems }) => [name, problems.length])).toEqual([['', 2]]);
    expect(file.style).toBeUndefined();
    expect(gsm8k.sets[0]?.problems).toHaveLength(3);
    expect(own.sets[0]?.problems.map(({ id }) => id)).toEqual(['a']);
    expect(own.prompt).toEqual({
      template: 'Solve {question}',
      turns: [
        { role: 'user', content: 'Solve 1 + 1' },
        { role: 'assistant', content: '2' },
      ],
    });
    expect(asked.prompt.template).toBe('{question}');
  });
});

describe('referencesOf', () => {
  it('names the base and plain SFT, whatever it is called', () => {
    const { arms, signals } = loadExperiment(recipe);
    expect(referencesOf({ arms, signals })).toEqual(['base', 'sft/random']);
    const renamed = arms.map((arm) => (arm.name === 'sft/random' ? { ...arm, name: 'plain' } : arm));
    expect(referencesOf({ arms: renamed, signals })).toEqual(['base', 'plain']);
  });
});
