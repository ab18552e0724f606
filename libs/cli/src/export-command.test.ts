import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { openStore } from '@overtone/artifacts';
import { InputError } from '@overtone/experiment/prepare';
import { exportDataset, type ExportDatasetFlags } from './export-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-export-'));
afterAll(() => rmSync(folder, { recursive: true }));

const groups = [
  {
    id: 'größer',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '2 + 3 "…"\n' },
    ],
    solutions: [
      { text: '5', score: -0.25 },
      { text: '2 + 3 = 5', score: 1.5 },
      { text: '', score: -1 },
    ],
  },
  {
    id: 'tied',
    messages: [{ role: 'user', content: '1' }],
    solutions: [
      { text: 'a', score: 1 },
      { text: 'b', score: 1 },
    ],
  },
];
const jsonl = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
const file = join(folder, 'groups.jsonl');
writeFileSync(file, jsonl(groups));

/** What it prints. */
async function exported(path: string, flags: Partial<ExportDatasetFlags> & { out: string }): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const defaults = { format: 'trl', force: false, json: true } as const;
    await exportDataset(path, { ...defaults, ...flags }, new AbortController().signal);
    return String(write.mock.calls[0]?.[0]);
  } finally {
    write.mockRestore();
  }
}

const lines = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

describe('overtone export dataset', () => {
  it('writes what dpo, kto and sft learn from, in TRL’s conversational format', async () => {
    const out = join(folder, 'one');
    const printed: unknown = JSON.parse(await exported(file, { out }));
    expect(printed).toEqual({ out, groups: 2, tied: 1, rows: { dpo: 1, kto: 3, sft: 2 } });
    expect(lines(join(out, 'dpo.jsonl'))).toEqual([
      {
        id: 'größer',
        prompt: groups[0]?.messages,
        chosen: [{ role: 'assistant', content: '2 + 3 = 5' }],
        rejected: [{ role: 'assistant', content: '' }],
        score_chosen: 1.5,
        score_rejected: -1,
      },
    ]);
    expect(lines(join(out, 'kto.jsonl'))).toMatchObject([
      { completion: [{ content: '5' }], label: false },
      { completion: [{ content: '2 + 3 = 5' }], label: true },
      { completion: [{ content: '' }], label: false },
    ]);
    expect(lines(join(out, 'sft.jsonl'))).toMatchObject([
      { messages: [{ role: 'system' }, { role: 'user' }, { role: 'assistant', content: '2 + 3 = 5' }] },
      { messages: [{ role: 'user' }, { role: 'assistant', content: 'a' }] },
    ]);
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain(
      '  - config_name: kto\n    data_files: kto.parquet\n',
    );
  });

  it.each(['dpo', 'kto', 'sft'])('writes the same rows as Parquet: %s', async (name) => {
    const out = join(folder, 'same');
    await exported(file, { out, force: true });
    const parquet = await asyncBufferFromFile(join(out, `${name}.parquet`));
    expect(await parquetReadObjects({ file: parquet })).toEqual(lines(join(out, `${name}.jsonl`)));
  });

  it('takes the scored groups of a run, of the signal that is named', async () => {
    const run = join(folder, 'run');
    const artifacts = `file://${join(run, 'artifacts')}`;
    const store = openStore(artifacts);
    const result = async (label: string) => ({
      stage: 'dataset',
      label,
      key: label,
      ...(await store.writeJsonl(groups)),
    });
    const manifest = {
      overtone: '0',
      node: 'v24',
      configuration: '',
      state: 'done',
      created: '2025-01-01T00:00:00Z',
      updated: '2025-01-01T00:00:00Z',
      seeds: {},
      artifacts,
      timings: {},
      results: [await result('entropy'), await result('judge at temperature 0.5')],
    };
    writeFileSync(join(run, 'manifest.json'), JSON.stringify(manifest));
    const out = join(folder, 'from-run');
    expect(await exported(run, { out, signal: 'judge', json: false })).toBe(
      `${out}: 2 groups, 1 of them without a preference; rows: dpo 1, kto 3, sft 2\n`,
    );
    await expect(exported(run, { out: join(folder, 'x') })).rejects.toThrow(
      /several signals; give one of them with --signal: entropy, judge$/,
    );
    await expect(exported(run, { out: join(folder, 'x'), signal: 'jugde' })).rejects.toThrow(
      /--signal: unknown signal "jugde", did you mean "judge"\?/,
    );
  });

  it('refuses what it cannot export, and a folder that is in use', async () => {
    const path = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const out = join(folder, 'never');
    const refused: readonly (readonly [string, Partial<ExportDatasetFlags> & { out: string }, RegExp])[] = [
      [join(folder, 'none'), { out }, /none does not exist/],
      [path('empty.jsonl', '\n'), { out }, /is empty/],
      [
        path('tied.jsonl', jsonl(groups.slice(1))),
        { out },
        /in each of its 1 groups all solutions have equal/,
      ],
      [path('broken.jsonl', '{"id": 3}'), { out }, /broken\.jsonl:1: expected a non-empty string "id"/],
      [file, { out, signal: 'entropy' }, /leave --signal away/],
      [file, { out: folder }, /is not empty/],
      [file, { out: file }, /is a file/],
      [tmpdir(), { out }, /holds no run/],
    ];
    for (const [source, flags, message] of refused) {
      await expect(exported(source, flags)).rejects.toThrow(message);
      await expect(exported(source, flags)).rejects.toBeInstanceOf(InputError);
    }
  });
});
