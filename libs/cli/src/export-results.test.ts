import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exportResults } from './export-results.ts';
import { finishedRun } from './finished-run.fixture.ts';
import { RESULT_COLUMNS } from './result-columns.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-results-'));
afterAll(() => rmSync(folder, { recursive: true }));
let run = '';
const parquet = join(folder, 'parquet');
const jsonl = join(folder, 'jsonl');

beforeAll(async () => {
  run = await finishedRun(folder);
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    for (const [format, out] of [
      ['parquet', parquet],
      ['jsonl', jsonl],
    ] as const)
      await exportResults(run, { format, out, force: false, json: true }, new AbortController().signal);
  } finally {
    write.mockRestore();
  }
});

type Row = Record<string, unknown>;
const lines = (table: string): Row[] =>
  readFileSync(join(jsonl, `${table}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
const tables = Object.keys(RESULT_COLUMNS);

describe('overtone export results', () => {
  it('says of every sample, score, verdict and evaluation whose weights it is of', () => {
    const place = (row: Row): unknown[] => [row['arm'], row['seed'], row['round']];
    expect(lines('samples').map(place)).toEqual([
      ['base', null, 0],
      ['base', null, 0],
      // The samples of the second round are drawn with the weights of the first.
      ['dpo/self', 1, 1],
    ]);
    expect(lines('scores')).toMatchObject([
      { signal: 'self', sample_index: 0, score: 1, standard_error: 0.5 },
      { signal: 'self', sample_index: 1, score: -1, standard_error: null },
    ]);
    expect(lines('verdicts')).toMatchObject([
      { judge: 'self', sample_a: 0, sample_b: 1, preference_ab: 0.75, preference_ba: null },
    ]);
    expect(lines('evaluations')).toMatchObject([
      {
        arm: 'base',
        split: 'hard',
        step: null,
        num_samples: 2,
        num_correct: 1,
        accuracy: 0.5,
        mean_tokens: 4,
      },
      { arm: 'dpo/self', seed: 1, round: 1, split: 'development', step: 4, learning_rate: 0.001 },
      { arm: 'dpo/self', seed: 1, split: 'hard', step: null, num_samples: 1, accuracy: 1 },
    ]);
    expect(lines('completions').map((row) => row['truncated'])).toEqual([false, true, false, true, false]);
    expect(lines('arms')).toHaveLength(6);
    expect(lines('arms').find((row) => row['arm'] === 'dpo/self' && row['split'] === 'hard')).toMatchObject({
      k: 2,
      avg_at_k: 0.625,
      diff_base: 0.125,
      p_holm: 0.02,
    });
    expect(lines('questions').map((row) => row['split'])).toEqual([
      'train',
      'train',
      'train',
      'easy',
      'easy',
      'hard',
      'hard',
    ]);
  });

  it.each(tables)(
    'writes the same rows as Parquet and as JSONL, with the columns that are documented: %s',
    async (table) => {
      const file = await asyncBufferFromFile(join(parquet, `${table}.parquet`));
      expect(await parquetReadObjects({ file })).toEqual(lines(table));
      const { columns } = RESULT_COLUMNS[table as keyof typeof RESULT_COLUMNS];
      expect(Object.keys(lines(table)[0] ?? {})).toEqual(Object.keys(columns));
      const readme = readFileSync(join(parquet, 'README.md'), 'utf8');
      expect(readme).toContain(`  - config_name: ${table}\n    data_files: ${table}.parquet\n`);
      for (const column of Object.keys(columns)) expect(readme).toContain(`| \`${column}\` |`);
    },
  );

  const python = process.env['OVERTONE_PYTHON'] ?? '';
  const has = (module: string): boolean => {
    try {
      execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  it.skipIf(python === '' || !has('duckdb'))(
    'is read by DuckDB, both formats alike [skipped: set OVERTONE_PYTHON to a Python with duckdb]',
    () => {
      const query = `
import duckdb, sys
for table in sys.argv[3:]:
    a, b = (duckdb.sql(f"SELECT * FROM '{folder}/{table}.{ending}'") for folder, ending in ((sys.argv[1], 'parquet'), (sys.argv[2], 'jsonl')))
    assert a.columns == b.columns, table
    assert a.fetchall() == b.fetchall(), table
print(duckdb.sql(f"""SELECT q.split, avg(e.accuracy) FROM '{sys.argv[1]}/evaluations.parquet' e
  LEFT JOIN '{sys.argv[1]}/questions.parquet' q USING (question_id) WHERE e.arm = 'base' GROUP BY ALL""").fetchall())
`;
      expect(execFileSync(python, ['-c', query, parquet, jsonl, ...tables], { encoding: 'utf8' })).toBe(
        '[(None, 0.5)]\n',
      );
    },
  );

  it.skipIf(python === '' || !has('datasets'))(
    'is read by datasets, by its README.md [skipped: set OVERTONE_PYTHON to a Python with datasets]',
    { timeout: 60_000 },
    () => {
      const program = `
import json, sys
from datasets import get_dataset_config_names, load_dataset
for folder in sys.argv[1:]:
    names = get_dataset_config_names(folder)
    print(json.dumps({name: load_dataset(folder, name, split='train').num_rows for name in names}))
`;
      const cache = {
        ...process.env,
        HF_HOME: join(folder, 'hf'),
        HF_HUB_OFFLINE: '1',
        HF_DATASETS_DISABLE_PROGRESS_BARS: '1',
      };
      const read = execFileSync(python, ['-c', program, parquet, jsonl], { encoding: 'utf8', env: cache });
      const rows = Object.fromEntries(tables.map((table) => [table, lines(table).length]));
      expect(
        read
          .trimEnd()
          .split('\n')
          .map((line): unknown => JSON.parse(line)),
      ).toEqual([rows, rows]);
    },
  );

  it('refuses a folder that is in use, and one that holds no run', async () => {
    const { signal } = new AbortController();
    const flags = { format: 'parquet', out: parquet, force: false, json: false } as const;
    await expect(exportResults(run, flags, signal)).rejects.toThrow(/is not empty/);
    const elsewhere = { ...flags, out: join(folder, 'new') };
    await expect(exportResults(join(folder, 'hf-none'), elsewhere, signal)).rejects.toThrow(/no such folder/);
    expect(readdirSync(folder)).not.toContain('new');
  });
});
