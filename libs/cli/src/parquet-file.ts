// Writes rows as a Parquet file: text, numbers, flags, and lists of turns as lists of {role, content}.
import type { SchemaElement } from 'hyparquet';
import { parquetWriteFile } from 'hyparquet-writer';

/** A turn of a conversation. */
export interface Turn {
  readonly role: string;
  readonly content: string;
}

/** A column: how to write it as Parquet. What is optional may be null. */
export type ColumnKind =
  'turns' | 'text' | 'number' | 'integer' | 'flag' | 'optional text' | 'optional number' | 'optional integer';

/** A value of a column. */
export type Cell = readonly Turn[] | string | number | boolean | null;

/** Rows and what their columns are, in order. */
export interface Table {
  readonly columns: Readonly<Record<string, ColumnKind>>;
  readonly rows: readonly Readonly<Record<string, Cell>>[];
}

const text = (name: string, repetition: SchemaElement['repetition_type'] = 'REQUIRED'): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: repetition,
});

/** The elements of a column, those of its children after it. */
function elements(name: string, kind: ColumnKind): SchemaElement[] {
  switch (kind) {
    case 'text':
      return [text(name)];
    case 'optional text':
      return [text(name, 'OPTIONAL')];
    case 'number':
      return [{ name, type: 'DOUBLE', repetition_type: 'REQUIRED' }];
    case 'optional number':
      return [{ name, type: 'DOUBLE', repetition_type: 'OPTIONAL' }];
    case 'integer':
      return [{ name, type: 'INT32', repetition_type: 'REQUIRED' }];
    case 'optional integer':
      return [{ name, type: 'INT32', repetition_type: 'OPTIONAL' }];
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

/** Writes a table, Snappy-compressed. @throws Error of the file system. */
export function writeParquet(filename: string, { columns, rows }: Table): void {
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
