import { describe, expect, it } from 'vitest';
import { operatorTimes } from './profile.ts';
import { report, rowsOf, short, table, withReport } from './report.ts';
import { type Measurement, type Results } from './results.ts';

const measurement: Measurement = {
  shape: 'miniature',
  task: 'sampling',
  name: 'batch 8',
  note: 'how it was done',
  amount: 100,
  unit: 'tokens',
  contenders: [
    { name: 'overtone', firstSeconds: 4, seconds: [1, 2, 1], peakBytes: 5e8, macs: 5e9 },
    { name: 'other float32', firstSeconds: 2, seconds: [2, 4, 3], peakBytes: 1.5e9 },
  ],
};
const results: Results = {
  date: '2026-01-02T03:04:05.000Z',
  commit: 'abc',
  machine: { cpu: 'a CPU', cores: 2, memoryBytes: 16e9, system: 'linux x64', features: ['avx2'] },
  threads: 2,
  rounds: 3,
  versions: { node: 'v24' },
  peaks: { macsPerSecond: 1e10, bytesPerSecond: 2e10 },
  measurements: [measurement],
  absent: [{ name: 'third', reason: 'not installed: install it\nmore' }],
};

describe('the report', () => {
  it('gives rates, paired ratios with their range, and the share of the peak', () => {
    expect(rowsOf(results, measurement)).toEqual([
      [
        'batch 8',
        '100 tokens/s',
        'other float32',
        '33.3 tokens/s',
        '**2.00 ×** [2.00 – 3.00]',
        '1.50 GB',
        '0.500 GB',
        '4.00 s',
        '50 %',
      ],
    ]);
  });

  it('keeps a row where no peer took part', () => {
    const alone = { ...measurement, contenders: measurement.contenders.slice(0, 1) };
    expect(rowsOf(results, alone)[0]?.slice(0, 4)).toEqual(['batch 8', '100 tokens/s', '', '']);
  });

  it('names machine, versions, and who was absent with what to do', () => {
    const text = report(results);
    for (const part of ['commit abc', 'a CPU, 2 cores', 'node v24', '- third: not installed: install it\n'])
      expect(text).toContain(part);
  });

  it('replaces its own part of a page', () => {
    const page = 'before\n<!-- results:begin -->\nold\n<!-- results:end -->\nafter';
    const changed = withReport(page, results);
    expect(changed).toMatch(/^before\n[^]*batch 8[^]*\nafter$/);
    expect(changed).not.toContain('old');
    expect(withReport(changed, results)).toBe(changed);
    expect(() => withReport('nothing', results)).toThrow('results:begin');
  });

  it('writes numbers with three digits', () => {
    expect([0.001234, 0.5, 12.345, 1234.5, 1234567, NaN].map(short)).toEqual([
      '0.0012',
      '0.500',
      '12.3',
      '1 235',
      '1 234 567',
      '–',
    ]);
  });

  it('aligns columns', () => {
    expect(table(['a', 'bcd'], [['12345', '–']])).toBe('| a     | bcd |\n| ----- | --- |\n| 12345 | –   |');
  });
});

describe('the profile', () => {
  it('sums operators, the slowest first, and nothing else', () => {
    const event = (op: string, dur: number, name = `${op}_kernel_time`, cat = 'Node') => ({
      cat,
      name,
      dur,
      args: { op_name: op },
    });
    expect(
      operatorTimes([
        event('Add', 5),
        event('MatMul', 7),
        event('Add', 6),
        event('Add', 100, 'Add_fence_before'),
        event('run', 1000, 'model_run', 'Session'),
      ]),
    ).toEqual([
      { op: 'Add', runs: 2, microseconds: 11 },
      { op: 'MatMul', runs: 1, microseconds: 7 },
    ]);
    expect(() => operatorTimes({})).toThrow('no list');
  });
});
