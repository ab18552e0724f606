import { readFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadParquet } from './parquet.ts';

// Written by pyarrow 26.
const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}.parquet`, import.meta.url));
const fields = { question: 'prompt', answer: 'solution', difficulty: 'level' };

describe('loadParquet', () => {
  it.each(['snappy', 'zstd'])('reads a file compressed with %s', async (compression) => {
    const problems = await loadParquet(fixture(`questions.${compression}`), { fields });
    expect(problems).toMatchObject([
      { question: '1 + 1?', answer: '2', difficulty: '1', solution: 'It is 2.\n#### 2' },
      { question: 'Half of one?', answer: '0.5', difficulty: '2' },
      { question: 'Capital of France?', answer: 'Paris', difficulty: '3' },
    ]);
    expect(problems[0]?.id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('names the file, the row and the field', async () => {
    await expect(loadParquet(fixture('hole'))).rejects.toThrow(
      /hole\.parquet, row 2: "answer" must be a number or a text; got "?null/,
    );
    await expect(loadParquet(fixture('questions.zstd'))).rejects.toThrow(
      /questions\.zstd\.parquet, row 1: "question" must be .* missing; there is "prompt", "solution", "level", "unused"/,
    );
    await expect(loadParquet('/nowhere.parquet')).rejects.toThrow('/nowhere.parquet: no such file');
    const cut = join(mkdtempSync(join(tmpdir(), 'overtone-parquet-')), 'cut.parquet');
    writeFileSync(cut, readFileSync(fixture('hole')).subarray(0, 300));
    await expect(loadParquet(cut)).rejects.toThrow(/cut\.parquet: cannot be read as Parquet/);
  });
});
