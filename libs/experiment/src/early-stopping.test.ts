import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '@overtone/report';
import { afterEach, describe, expect, it } from 'vitest';
import { parseExperiment } from './config/load.ts';
import { prepareRun } from './prepare.ts';
import { runExperiment } from './run.ts';
import { type Doubles, startDoubles } from './test-doubles.ts';

const running: Doubles[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((doubles) => doubles.close()));
});

async function doubles(): Promise<Doubles> {
  const started = await startDoubles();
  running.push(started);
  return started;
}

/** An arm whose model learns for half of its ten steps, and spoils some of it in the others. */
function experimentOn({ addresses, artifacts }: Doubles, selection: string) {
  const { generator, scorer, trainer, evaluator } = addresses;
  return parseExperiment(
    `
name: early
model: double
task:
  kind: chain-sum
  train: { seed: 1, count: 40, terms: [2, 4], max: [9, 20] }
  development: { seed: 2, count: 30, terms: [7, 8], max: [20, 50] }
  easy: { seed: 3, count: 10, terms: [2, 4], max: [9, 20] }
  hard: { seed: 4, count: 30, terms: [7, 8], max: [20, 50] }
sampling: { samples: 4 }
signals: { entropy: { method: inverse-entropy } }
objectives:
  sft:
    type: sft
    optimizer: { learningRate: 1.0e-3 }
    steps: 10
    groupsPerStep: 4
    selection: ${selection}
arms: [{ signal: entropy, objective: sft }]
evaluation: { samples: 4 }
services: { generator: '${generator}', scorer: '${scorer}', trainer: '${trainer}', evaluator: '${evaluator}', artifacts: '${artifacts}' }
`,
    { file: 'test.yaml', folder: '/nowhere' },
  );
}

async function run(services: Doubles, selection: string): Promise<Report['arms'][number]> {
  const out = join(mkdtempSync(join(tmpdir(), 'overtone-early-')), 'run');
  const report = await runExperiment(await prepareRun(experimentOn(services, selection), { out }));
  const [, arm] = report.arms;
  if (arm === undefined) throw new Error('the report has no arm');
  return arm;
}

describe('an arm that stops early', () => {
  it('ends with the best snapshot that was measured, as one does that is trained to the end, with fewer measurements', async () => {
    const whole = await doubles();
    const plain = await run(whole, '{ snapshotEverySteps: 1 }');
    const early = await doubles();
    const patient = await run(early, '{ snapshotEverySteps: 1, patience: 3 }');
    expect(patient).toEqual(plain);
    expect(patient.perSeed[0]?.step).toBeLessThan(8);
    expect(early.calls.get('evaluate') ?? 0).toBeLessThan(whole.calls.get('evaluate') ?? 0);
    // Found again, none of it is measured or trained again.
    const before = new Map(early.calls);
    expect(await run(early, '{ snapshotEverySteps: 1, patience: 3 }')).toEqual(plain);
    expect(early.calls.get('evaluate')).toBe(before.get('evaluate'));
    expect(early.calls.get('createJob')).toBe(before.get('createJob'));
  });

  it('may try learning rates by halves', async () => {
    const services = await doubles();
    const rates = 'learningRates: [1.0e-3, 2.0e-3, 3.0e-3, 4.0e-3]';
    const arm = await run(services, `{ snapshotEverySteps: 2, ${rates}, halving: true }`);
    // The double learns the same at every rate: of equals the lower one.
    expect(arm.perSeed[0]?.learningRate).toBe(1e-3);
    expect(new Set([...services.jobs.values()].map(({ spec }) => spec.optimizer?.learningRate)).size).toBe(4);
  });

  it('is refused where there is nothing to stop by', async () => {
    const services = await doubles();
    expect(() => experimentOn(services, '{ snapshotEverySteps: 0, patience: 2 }')).toThrow(
      /objectives\.sft\.selection\.patience: needs snapshots/,
    );
    expect(() => experimentOn(services, '{ snapshotEverySteps: 2, halving: true }')).toThrow(
      /objectives\.sft\.selection\.halving: needs at least two learningRates/,
    );
  });
});
