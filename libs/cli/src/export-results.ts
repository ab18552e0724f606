// `overtone export results`: what a run has sampled, scored, judged and measured, as tables that `datasets` and DuckDB read.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readRun, type RunRecord } from '@overtone/experiment/history';
import { InputError } from '@overtone/experiment/prepare';
import { checkExportFolder } from './export-folder.ts';
import { type Table, writeParquet } from './parquet-file.ts';
import { RESULT_COLUMNS, RESULT_TABLES, type ResultTable } from './result-columns.ts';
import { resultTables } from './result-tables.ts';

/** Options of `overtone export results`. */
export interface ExportResultsFlags {
  readonly format: 'parquet' | 'jsonl';
  readonly out: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** Writes the tables. @throws InputError when the folder holds no run, or `out` is in use. */
export async function exportResults(
  path: string,
  { format, out, force, json }: ExportResultsFlags,
  signal: AbortSignal,
): Promise<void> {
  checkExportFolder(out, force);
  const counts = await writeResults(await readRun(path), format, out, signal);
  process.stdout.write(
    json
      ? `${JSON.stringify({ out, format, rows: counts }, null, 2)}\n`
      : `${out}: ${Object.entries(counts)
          .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
          .join(', ')}\n`,
  );
}

/**
 * Writes the tables that have rows, and a README.md that says what they are. Rows by table.
 *
 * @throws InputError when the run has nothing yet.
 */
export async function writeResults(
  record: RunRecord,
  format: ExportResultsFlags['format'],
  out: string,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const tables = await resultTables(record, signal);
  const filled = RESULT_TABLES.flatMap((name) => {
    const table = tables.get(name);
    return table === undefined || table.rows.length === 0 ? [] : [{ name, table }];
  });
  if (filled.every(({ name }) => name === 'questions'))
    throw new InputError(`${record.path} has no results yet: its run is ${record.state}; continue it`);
  mkdirSync(out, { recursive: true });
  for (const { name, table } of filled) {
    signal.throwIfAborted();
    const path = join(out, `${name}.${format}`);
    if (format === 'parquet') writeParquet(path, table);
    else writeJsonl(path, table);
  }
  writeFileSync(join(out, 'README.md'), resultsCard(record, format, filled));
  return Object.fromEntries(filled.map(({ name, table }) => [name, table.rows.length]));
}

/** One row a line; a large table is never one string. */
function writeJsonl(path: string, { rows }: Table): void {
  const file = openSync(path, 'w');
  try {
    for (let at = 0; at < rows.length; at += 1000)
      writeSync(
        file,
        rows
          .slice(at, at + 1000)
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      );
  } finally {
    closeSync(file);
  }
}

/** What `datasets` reads about the folder, and people too. */
function resultsCard(
  { manifest, report, configuration }: RunRecord,
  format: ExportResultsFlags['format'],
  filled: readonly { readonly name: ResultTable; readonly table: Table }[],
): string {
  const named = typeof configuration === 'object' && configuration !== null && 'name' in configuration;
  const name = report?.name ?? (named ? String(configuration.name) : 'a run');
  const configurations = filled.map(
    ({ name: table }) => `  - config_name: ${table}\n    data_files: ${table}.${format}\n`,
  );
  const sections = filled.map(({ name: table, table: { rows } }) => {
    const { row, columns } = RESULT_COLUMNS[table];
    const lines = Object.entries(columns).map(
      ([column, [kind, what]]) => `| \`${column}\` | ${kind} | ${what} |`,
    );
    return `### ${table}\n\n${rows.length.toLocaleString('en')} rows; a row is ${row}.\n\n| column | type | |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
  });
  const first = filled[0]?.name ?? 'arms';
  return `---
pretty_name: ${JSON.stringify(`Results of ${name}`)}
tags:
  - overtone
  - evaluation
configs:
${configurations.join('')}---

# Results of ${name}

Made by \`overtone export results\` (Overtone ${manifest.overtone}) of a run of ${manifest.updated.slice(0, 10)}.

\`\`\`python
from datasets import load_dataset

load_dataset("<this folder>", "${first}", split="train")
\`\`\`

\`\`\`sql
-- DuckDB, in this folder
SELECT arm, split, avg_at_k, diff_base, p_holm FROM 'arms.${format}' ORDER BY split, avg_at_k DESC;
\`\`\`

## Tables

Tables join on \`question_id\`; samples on \`(question_id, arm, seed, round, sample_index)\`. Names of columns stay as they are; new ones come last.

${sections.join('\n')}`;
}
