import { describe, expect, it } from 'vitest';
import { formatDifference, formatSeconds, formatShare } from './format.ts';
import { renderHtml } from './html.ts';
import type { Report, ReportedArm } from './schema.ts';
import { renderTable } from './table.ts';

function arm(name: string, avg: number, difference?: number): ReportedArm {
  const accuracy = { avg, ci95: [avg - 0.05, avg + 0.05] as [number, number], pass: 0.9 };
  const against: ReportedArm['against'] =
    difference === undefined
      ? {}
      : {
          base: {
            easy: { value: 0, ci95: [-0.01, 0.01] as [number, number], pValue: 1 },
            hard: {
              value: difference,
              ci95: [difference - 0.1, difference + 0.1] as [number, number],
              pValue: 0.0005,
            },
          },
        };
  const seeds = name === 'base' ? [] : [1, 2];
  return {
    name,
    signal: null,
    objective: null,
    seeds,
    eval: { easy: accuracy, hard: accuracy },
    perSeed: [null, ...seeds].slice(seeds.length > 0 ? 1 : 0).map((seed) => ({
      seed,
      learningRate: 0.0005,
      step: 100,
      development: null,
      eval: { easy: { avg, pass: 1 }, hard: { avg, pass: 1 } },
    })),
    levels: [{ split: 'hard', difficulty: 'terms=7', questions: 3, avg }],
    against,
  };
}

const report: Report = {
  name: '<mini> & co',
  model: { name: 'model', sha256: 'abc', parameters: 438_000 },
  saturation: { questions: 400, saturated: 204, accuracy: 0.86 },
  signals: [
    {
      name: 'self-judge',
      method: 'bradley-terry',
      judge: 'self',
      kappa: 0.71,
      kappaCi95: [0.6, 0.8],
      tau: null,
      tauCi95: null,
      orderConsistency: 0.9,
      positionBias: -0.02,
      unreadable: 0,
      intransitivity: 0.01,
      lengthCorrelation: 0.3,
      groups: 204,
      auditedPairs: 5000,
    },
  ],
  arms: [arm('base', 0.44), arm('sft/self-judge', 0.75, 0.31), arm('dpo/reversed-judge', 0.3, -0.14)],
  samples: 8,
  timings: { sample: 12.25, train: 187 },
};

describe('the table', () => {
  it('shows what was saturated, what the signals are worth, what every arm gained', () => {
    const table = renderTable(report);
    expect(table).toContain('204 of 400 training questions');
    expect(table).toMatch(/self-judge\s+bradley-terry \(self\)\s+\.710\s+–\s+\.900\s+−\.020/);
    expect(table).toMatch(
      /sft\/self-judge\s+\.750 \[\.700, \.800\]\s+\.750 \[\.700, \.800\]\s+\.900\s+\+\.310 \*\*\*/,
    );
    expect(table).toMatch(/dpo\/reversed-judge.*−\.140/);
    expect(table).toContain('sample 12.3 s · train 3 min 07 s');
  });
});

describe('the page', () => {
  const page = renderHtml(report);
  it('stands alone: nothing is loaded, no script runs, names are escaped', () => {
    expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/);
    expect(page).toContain('<h1>&lt;mini&gt; &amp; co</h1>');
  });

  it('colours arms by whether their interval clears the base, and says it in words', () => {
    expect(page).toMatch(/<g class="better"><title>sft\/self-judge: \.750/);
    expect(page).toMatch(/<g class="worse"><title>dpo\/reversed-judge/);
    expect(page).toMatch(
      /<strong>sft\/self-judge<\/strong>, the best of 2 arms, 75\.0 %: a difference of 31\.0 points/,
    );
  });

  it('fits phones and follows the reader into the dark', () => {
    expect(page).toContain('width=device-width');
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).not.toMatch(/NaN|undefined|null/);
  });
});

describe('numbers', () => {
  it('read as in papers', () => {
    expect([formatShare(0.4449), formatShare(1), formatShare(-0.02)]).toEqual(['.445', '1.000', '−.020']);
    expect([formatDifference(0.0521), formatDifference(-0.2), formatDifference(-0.0001)]).toEqual([
      '+.052',
      '−.200',
      '.000',
    ]);
    expect([formatSeconds(3.04), formatSeconds(119.6)]).toEqual(['3.0 s', '2 min 00 s']);
  });
});
