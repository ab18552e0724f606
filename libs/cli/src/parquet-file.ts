// Writes rows as a Parquet file: text, numbers, flags, and lists of turns as lists of {role, content}.
import type { SchemaElement } from 'hyparquet';
import { parquetWriteFile } from 'hyparquet-writer';
import type { ColumnKind, TrlDataset } from './trl-dataset.ts';

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'REQUIRED',
});

/** The elements of a column, those of its children after it. */
function elements(name: string, kind: ColumnKind): SchemaElement[] {
  switch (kind) {
    case 'text':
      return [text(name)];
    case 'number':
      return [{ name, type: 'DOUBLE', repetition_type: 'REQUIRED' }];
    case 'flag':
      return [{ name, type: 'BOOLEAN', repetition_type: 'REQUIRED' }];
    case 'turns':
      return [
        { name, num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
        { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
        { name: 'element', num_children: 2, repetition_type: 'REQUIRED' },
        text('role'),
        text('content'),
      ];
  }
}

/** Writes a data set, Snappy-compressed. @throws Error of the file system. */
export function writeParquet(filename: string, { columns, rows }: TrlDataset): void {
  const names = Object.entries(columns);
  parquetWriteFile({
    filename,
    createdBy: 'overtone',
    schema: [
      { name: 'root', num_children: names.length },
      ...names.flatMap(([name, kind]) => elements(name, kind)),
    ],
    columnData: names.map(([name]) => ({ name, data: rows.map((row) => row[name]) })),
  });
}
