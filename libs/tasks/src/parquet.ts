// Problems from a Parquet file: one a row.
import { stat } from 'node:fs/promises';
import type { LoadedProblem } from './problem.ts';
import { fieldNames, problemsOf, type RecordOptions } from './record.ts';

/**
 * Reads a Parquet file of problems, in any of the format's compressions. Only the columns that hold fields are read.
 *
 * @throws Error that names the file, the row (from 1) and the field when something is not what was expected.
 */
export async function loadParquet(path: string, options: RecordOptions = {}): Promise<LoadedProblem[]> {
  const rows = await readRows(path, Object.values(fieldNames(options.fields)));
  options.signal?.throwIfAborted();
  return problemsOf(
    rows.map((value, index) => ({ place: `, row ${index + 1}`, value })),
    path,
    options,
  );
}

async function readRows(path: string, wanted: readonly string[]): Promise<Record<string, unknown>[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new Error(`${path}: no such file`);
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } =
    await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const there = parquetSchema(metadata).children.map(({ element }) => element.name);
    const columns = wanted.filter((name) => there.includes(name));
    // Without any of them, the first row's own columns make a better error.
    const selection = columns.length === 0 ? {} : { columns };
    return await parquetReadObjects({ file, metadata, compressors, ...selection });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${path}: cannot be read as Parquet (${reason})`, { cause: error });
  }
}
