// A run folder as a small run leaves it, for tests: two arms, two signals, an adapter, a report.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { reportSchema } from '@overtone/report';

const CONFIGURATION = `name: small
model: owner/base@v1
task:
  kind: chain-sum
  train: { seed: 1, count: 3, terms: [2, 2], max: 9 }
  easy: { seed: 2, count: 2, terms: [2, 2], max: 9 }
  hard: { seed: 3, count: 2, terms: [4, 4], max: 9 }
objectives:
  dpo: { type: dpo, beta: 1, steps: 4, optimizer: { learningRate: 1.0e-3, schedule: cosine }, lora: { r: 2, alpha: 4, targetModules: [] } }
arms:
  - { name: dpo/self, signal: self, objective: dpo }
  - { name: dpo/length, signal: length, objective: dpo }
`;

const accuracy = (avg: number) => ({ avg, ci95: [avg - 0.1, avg + 0.1], pass: avg });
const difference = (value: number) => ({
  value,
  ci95: [value - 0.05, value + 0.05],
  pValue: 0.01,
  pHolm: 0.02,
});

function arm(name: string, signal: string | null, hard: number) {
  const both = { easy: { avg: 0.8, pass: 0.8 }, hard: { avg: hard, pass: hard } };
  const seed = signal === null ? null : 1;
  return {
    name,
    signal,
    objective: signal === null ? null : 'dpo',
    seeds: seed === null ? [] : [seed],
    eval: { easy: accuracy(0.8), hard: accuracy(hard) },
    perSeed: [{ seed, learningRate: seed && 1e-3, step: seed && 4, development: null, eval: both }],
    levels: [],
    against: signal === null ? {} : { base: { easy: difference(0), hard: difference(hard - 0.5) } },
  };
}

const signal = (name: string, kappa: number) => ({
  name,
  method: 'bradley-terry',
  judge: name === 'self' ? 'self' : null,
  kappa,
  kappaCi95: [kappa - 0.1, kappa + 0.1],
  tau: kappa,
  tauCi95: [kappa - 0.1, kappa + 0.1],
  orderConsistency: 0.75,
  positionBias: 0,
  unreadable: 0,
  intransitivity: 0,
  lengthCorrelation: 0.25,
  groups: 1,
  auditedPairs: 1,
  recommendation: 'use',
  reason: 'It agrees.',
});

/** Writes the run into a new folder within `folder`, and returns its path. */
export async function finishedRun(folder: string): Promise<string> {
  const run = mkdtempSync(join(folder, 'run-'));
  const artifacts = pathToFileURL(join(run, 'artifacts')).href;
  const store = openStore(artifacts);
  const weights = join(run, 'adapter');
  mkdirSync(weights);
  writeFileSync(join(weights, 'adapter_config.json'), '{"peft_type": "LORA"}');
  writeFileSync(join(weights, 'adapter_model.safetensors'), 'tensors');
  const adapter = await store.putFolder(weights, 'application/vnd.overtone.adapter');
  const result = async (stage: string, label: string, rows: readonly unknown[]) => ({
    stage,
    label,
    key: `${stage} ${label}`,
    ...(await store.writeJsonl(rows)),
  });
  const sample = { problemId: 'q', meanEntropy: 0.5, meanLogprob: -0.25, tokens: 3 };
  const answer = { problemId: 'h', answered: true, tokens: 4, finishReason: 1 };
  const answers = [
    { ...answer, sampleIndex: 0, text: '\\boxed{1}', correct: true },
    { ...answer, sampleIndex: 1, text: '…', correct: false, finishReason: 2 },
  ];
  const training = { snapshots: [{ step: 4, weights: adapter }], metrics: [] };
  const results = await Promise.all([
    result('sample', 'chunk 1', [
      { ...sample, index: 0, text: 'eins "1"\n' },
      { ...sample, index: 1, text: 'größer' },
    ]),
    result('sample', 'dpo/self seed 1 round 2 chunk 1', [{ ...sample, index: 0, text: 'later' }]),
    result('compare', 'self chunk 1', [{ problemId: 'q', verdicts: [{ i: 0, j: 1, forward: 0.75 }] }]),
    result('score', 'self', [
      {
        problemId: 'q',
        scores: [
          { index: 0, score: 1, standardError: 0.5 },
          { index: 1, score: -1 },
        ],
      },
    ]),
    result('train', 'dpo/self seed 1', [training]),
    result('evaluate', 'base, hard', answers),
    result('evaluate', 'dpo/self seed 1 lr 0.001 step 4, development', answers),
    result('evaluate', 'dpo/self seed 1, hard', answers.slice(0, 1)),
  ]);
  const manifest = {
    overtone: '0.1.0',
    node: 'v24.0.0',
    configuration: '',
    state: 'done',
    created: '2026-01-02T00:00:00Z',
    updated: '2026-01-03T00:00:00Z',
    seeds: {},
    artifacts,
    timings: {},
    results,
  };
  const report = reportSchema.parse({
    name: 'small',
    model: { name: 'base', sha256: 'f'.repeat(64), parameters: 9 },
    saturation: { questions: 3, saturated: 1, accuracy: 0.5 },
    signals: [signal('self', 0.7), signal('length', 0.2)],
    arms: [arm('base', null, 0.5), arm('dpo/self', 'self', 0.625), arm('dpo/length', 'length', 0.5)],
    samples: 2,
    timings: {},
  });
  writeFileSync(join(run, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(run, 'config.yaml'), CONFIGURATION);
  writeFileSync(join(run, 'report.json'), JSON.stringify(report));
  writeFileSync(join(run, 'report.html'), '<!doctype html><title>small</title>');
  return run;
}
