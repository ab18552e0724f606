import { describe, expect, it } from 'vitest';
import { formatDifference, formatSeconds, formatShare } from './format.ts';
import { renderPage } from './html.ts';
import {
  type Report,
  type ReportedArm,
  reportedArmSchema,
  type ReportedJudge,
  reportedSignalSchema,
} from './schema.ts';
import { signalTable } from './signal-table.ts';
import { renderSignalsHtml } from './signals-page.ts';
import { renderTable } from './table.ts';

function arm(name: string, avg: number, difference?: number): ReportedArm {
  const accuracy = { avg, ci95: [avg - 0.05, avg + 0.05] as [number, number], pass: 0.9 };
  const against =
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
  // As a report from before tests were adjusted has it.
  return reportedArmSchema.parse({
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
  });
}

const report: Report = {
  name: '<mini> & co',
  model: { name: 'model', sha256: 'abc', parameters: 438_000 },
  saturation: { questions: 400, saturated: 204, accuracy: 0.86 },
  judges: [],
  signals: [
    // As a report from before there were recommendations has it.
    reportedSignalSchema.parse({
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
    }),
  ],
  arms: [arm('base', 0.44), arm('sft/self-judge', 0.75, 0.31), arm('dpo/reversed-judge', 0.3, -0.14)],
  statistics: null,
  samples: 8,
  timings: { sample: 12.25, train: 187 },
};

describe('the table', () => {
  it('shows what was saturated, what the signals are worth, what every arm gained', () => {
    const table = renderTable(report);
    expect(table).toContain('204 of 400 training questions');
    expect(table).toMatch(/self-judge\s+bradley-terry \(self\)\s+\.710\s+–\s+–\s+–\s+\.900\s+−\.020/);
    expect(table).toMatch(
      /sft\/self-judge\s+\.750 \[\.700, \.800\]\s+\.750 \[\.700, \.800\]\s+\.900\s+\+\.310\s+<\.001/,
    );
    expect(table).toMatch(/dpo\/reversed-judge.*−\.140/);
    expect(table).toContain('sample 12.3 s · train 3 min 07 s');
  });
});

describe('the page', async () => {
  const page = await renderPage(report);
  it('stands alone: nothing is loaded, no script runs, names are escaped', () => {
    expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/);
    expect(page).toContain('Overtone report · &lt;mini&gt; &amp; co');
  });

  it('colours arms by whether their interval clears the base, and says it in words', () => {
    expect(page).toMatch(/fill="var\(--better\)"/);
    expect(page).toMatch(/fill="var\(--worse\)"/);
    expect(page).toContain(
      'aria-label="avg@8 on hard questions by arm: base .440 (.390 to .490); sft/self-judge .750',
    );
    expect(page).toContain(
      'sft/self-judge solves <strong>31 points more</strong> hard questions than the base [21, 41], p &lt; .001, 3 questions × 8, 2 seeds.',
    );
    expect(page).toContain('Below the base: dpo/reversed-judge.');
  });

  it('does not claim what was not seen', async () => {
    const page = await renderPage({ ...report, arms: [arm('base', 0.44), arm('sft/self-judge', 0.5, 0.06)] });
    expect(page).toContain('No arm can be told from the base to its advantage');
    expect(page).toContain('<strong>+6.0 points</strong> from it [−4.0, 16]');
  });

  it('fits phones and follows the reader into the dark', () => {
    expect(page).toContain('width=device-width');
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).not.toMatch(/NaN|undefined|null/);
  });
});

describe('signal cards', () => {
  const plain = report.signals[0];
  const card = reportedSignalSchema.parse({
    ...plain,
    name: 'a <b>',
    recommendation: 'attenuate',
    reason: 'Attenuate by 18.0 %: <because>.',
    flipRate: { value: 0.18, ci95: [0.15, 0.21] },
    calibrationError: { value: 0.2, ci95: [0.18, 0.22] },
    calibratedError: 0.03,
    temperature: 2.5,
    plattBias: -0.4,
    plattSlope: 0.5,
    auditedGroups: 60,
    reliability: [
      { lower: 0.5, upper: 0.55, pairs: 10, confidence: 0.53, accuracy: 0.4 },
      { lower: 0.95, upper: 1, pairs: 40, confidence: 0.98, accuracy: 0.8 },
    ],
  });
  const page = renderSignalsHtml('here & there', [card]);

  it('say what to do and why, and escape names', () => {
    expect(page).toContain('<article class="signal attenuate">');
    expect(page).toContain('<span class="badge">attenuate by .180</span>');
    expect(page).toContain('Attenuate by 18.0&nbsp;%: &lt;because&gt;.');
    expect(page).toContain('<h3>a &lt;b&gt;</h3>');
    expect(page).toContain('<title>here &amp; there');
    expect(page).toMatch(/flip rate<\/th><td>\.180 <small>\[\.150, \.210\]/);
    expect(page).not.toMatch(/<script|<link|@import|url\(|https?:|NaN|undefined|null/);
  });

  it('draw the reliability diagram, in words too', () => {
    expect(page).toContain(
      'role="img" aria-label="Reliability diagram of a &lt;b&gt;: 53 % sure, 40 % right; 98 % sure, 80 % right"',
    );
    expect(page).toContain('<title>40 pairs: .980 sure, .800 right</title>');
    expect(page).toContain('Temperature 2.50. Platt: bias −0.40, slope 0.50.');
  });

  it('leave out what an older report does not have', async () => {
    const older = await renderPage(report);
    expect(older).not.toMatch(/badge">|diagram"|flip rate/);
    expect(older).toMatch(/kappa<\/th><td>\+\.710 <small>\[\+\.600, \+\.800\]/);
  });

  it('go to the terminal with their reasons', () => {
    expect(signalTable([card])).toMatch(/a <b> .*\.180 .*attenuate\na <b>: attenuate\. Attenuate by 18\.0 %/);
    expect(signalTable([{ ...card, flipRateIsLowerBound: true }])).toContain('≥ .180');
  });
});

describe('what judges cost', () => {
  const judge: ReportedJudge = {
    name: 'strong <1>',
    backend: 'openai',
    plan: 'active',
    calls: 1998,
    promptTokens: 1_234_567,
    completionTokens: 8901,
    cost: 0.5081,
    budget: { calls: 2000, currency: { amount: 5, promptPerMillion: 0.4, completionPerMillion: 1.6 } },
    pairs: 1000,
    unreadable: 20,
    groups: 480,
    unjudged: 17,
  };
  const free = { ...judge, name: 'rubric', backend: 'rubric', cost: null, budget: null };
  const own: ReportedJudge = { ...free, unreadable: 0, unjudged: 0, promptTokens: 0, completionTokens: 0 };

  it('stands in the terminal and on the page, with its limits and with what it left out', async () => {
    const table = renderTable({ ...report, judges: [judge, own] });
    expect(table).toMatch(
      /strong <1> \(openai\) +active +1,000 +1,998 of 2,000 +1,234,567 \+ 8,901 +0\.5081 of 5 +20 \(\.010\) +17 of 480\n/,
    );
    expect(table).toMatch(/\nrubric +active +1,000 +1,998 +0 \+ 0 +– +0 +0\n/);
    const page = await renderPage({ ...report, judges: [judge, own] });
    expect(page).toContain(
      '<td>strong &lt;1&gt; (openai)</td><td>active</td><td>1,000</td><td>1,998 of 2,000</td>',
    );
    expect(await renderPage(report)).not.toContain('What the judges cost');
  });

  it('says of a panel by how much each judge counts', () => {
    const [plain] = report.signals;
    if (plain === undefined) throw new Error('no signal');
    const panel = [{ judge: 'a <b>', reliability: 0.834, pairs: 1200 }];
    expect(signalTable([{ ...plain, panel }])).toContain('self-judge: its judges count a <b> .834');
    expect(renderSignalsHtml('x', [{ ...plain, panel }])).toContain(
      'a &lt;b&gt;</th><td>.834 <small>1,200 pairs</small>',
    );
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
