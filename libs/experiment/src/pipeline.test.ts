import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EntropyKind, SftSelection } from '@overtone/contracts';
import { parseReport, type Report } from '@overtone/report';
import { afterEach, describe, expect, it } from 'vitest';
import { type Experiment, parseExperiment } from './config/load.ts';
import { InputError } from './input-error.ts';
import { readPageMaterial } from './page/index.ts';
import { type PreparedRun, prepareRun, readManifest } from './prepare.ts';
import type { ProgressEvent } from './progress.ts';
import { runExperiment } from './run.ts';
import { type DoubleOptions, type Doubles, startDoubles } from './test-doubles.ts';

const running: Doubles[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((doubles) => doubles.close()));
});

async function doubles(options?: DoubleOptions): Promise<Doubles> {
  const started = await startDoubles(options);
  running.push(started);
  return started;
}

function experimentOn(
  { addresses, judge, rubric, artifacts }: Doubles,
  seeds = '[1, 2]',
  moreArms: readonly string[] = [],
): Experiment {
  const { generator, scorer, trainer, evaluator } = addresses;
  return parseExperiment(
    `
name: doubles
model: double
task:
  kind: chain-sum
  train: { seed: 1, count: 40, terms: [2, 4], max: [9, 20] }
  development: { seed: 2, count: 30, terms: [7, 8], max: [20, 50] }
  easy: { seed: 3, count: 10, terms: [2, 4], max: [9, 20] }
  hard: { seed: 4, count: 30, terms: [7, 8], max: [20, 50] }
sampling: { samples: 4, chunk: 8 }
judges:
  slipping: { backend: address, address: '${judge}' }
  strong: { backend: address, address: '${rubric}' }
audit: { judge: strong, groups: 5 }
signals:
  random: { method: random }
  entropy: { method: inverse-entropy }
  self-judge: { method: wins, judge: slipping }
  external-judge: { method: bradley-terry, judge: strong }
  reversed-judge: { method: bradley-terry, judge: strong, reversed: true }
objectives:
  sft: &sft { type: sft, optimizer: { learningRate: 1.0e-3 }, steps: 10, groupsPerStep: 4 }
  sft-random: { <<: *sft, choose: random }
  dpo: { type: dpo, optimizer: { learningRate: 1.0e-3 }, steps: 10, groupsPerStep: 4 }
  dpo-stopped:
    type: dpo
    optimizer: { learningRate: 1.0e-3 }
    steps: 10
    groupsPerStep: 4
    selection: { snapshotEverySteps: 5, learningRates: [1.0e-3, 2.0e-3], scope: first-seed }
arms:
  - { name: sft/random, signal: random, objective: sft-random }
  - { signal: entropy, objective: sft }
  - { signal: self-judge, objective: sft }
  - { name: dpo/external-judge, signal: external-judge, objective: dpo-stopped }
  - { name: dpo/reversed-judge, signal: reversed-judge, objective: dpo }
${moreArms.map((arm) => `  - ${arm}`).join('\n')}
seeds: ${seeds}
evaluation: { samples: 4 }
services: { generator: '${generator}', scorer: '${scorer}', trainer: '${trainer}', evaluator: '${evaluator}', artifacts: '${artifacts}' }
`,
    { file: 'test.yaml', folder: '/nowhere' },
  );
}

function newFolder(): string {
  return join(mkdtempSync(join(tmpdir(), 'overtone-run-')), 'run');
}

async function run(
  experiment: Experiment,
  out: string,
  options: Parameters<typeof runExperiment>[1] = {},
): Promise<Report> {
  return runExperiment(await prepareRun(experiment, { out }), options);
}

/** A report without what depends on the clock. */
function numbers({ timings: _, ...report }: Report): unknown {
  return report;
}

/** Prepares a run whose verifier is missing, and sees to it that nothing is written. */
async function prepareRunWithout(services: Doubles): Promise<void> {
  const experiment = experimentOn(services);
  const out = newFolder();
  try {
    await prepareRun({ ...experiment, task: { ...experiment.task, verifier: '/none.ts' } }, { out });
  } finally {
    expect(existsSync(out)).toBe(false);
  }
}

describe('the pipeline', () => {
  it('scores panels by their reliability and combinations by their parts, and keeps the keys of what is not new', async () => {
    const services = await doubles();
    const plain = experimentOn(services);
    const out = newFolder();
    await run({ ...plain, arms: [] }, out);
    const before = readManifest(out)?.results ?? [];
    const more: Experiment['signals'] = {
      panel: {
        method: 'panel',
        judges: ['slipping', 'strong'],
        reversed: false,
        residualiseLength: true,
      },
      both: {
        method: 'combination',
        parts: [
          { signal: 'panel', weight: 2 },
          { signal: 'entropy', weight: -1 },
        ],
        reversed: false,
        residualiseLength: false,
      },
    };
    const next = newFolder();
    const report = await run({ ...plain, arms: [], signals: { ...plain.signals, ...more } }, next);
    expect(report.signals.map(({ name }) => name)).toEqual([...Object.keys(plain.signals), 'panel', 'both']);
    const results = readManifest(next)?.results ?? [];
    expect(results.filter(({ stage }) => stage === 'reliability')).toHaveLength(1);
    const keysOf = (found: typeof results): string[] =>
      found.filter(({ stage }) => stage === 'score' || stage === 'sample').map(({ key }) => key);
    expect(keysOf(results)).toEqual(expect.arrayContaining(keysOf(before)));
    expect(keysOf(results)).toHaveLength(keysOf(before).length + 2);
  });

  it('measures what each signal buys, and writes it down', async () => {
    const services = await doubles();
    const out = newFolder();
    const events: ProgressEvent[] = [];
    const report = await run(experimentOn(services), out, { listen: (event) => events.push(event) });
    expect(parseReport(readFileSync(join(out, 'report.json'), 'utf8'))).toEqual(report);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('dpo/external-judge');
    expect(report.saturation.questions).toBe(40);
    expect(report.saturation.saturated).toBeGreaterThan(5);
    expect(report.saturation.saturated).toBeLessThan(40);

    const hard = (name: string): number => {
      const arm = report.arms.find((candidate) => candidate.name === name);
      if (arm === undefined) throw new Error(`no arm ${name}`);
      return arm.eval.hard.avg;
    };
    expect(hard('sft/entropy')).toBeGreaterThan(hard('base') + 0.1);
    expect(hard('dpo/external-judge')).toBeGreaterThan(hard('base') + 0.1);
    expect(hard('dpo/reversed-judge')).toBeLessThan(hard('base') - 0.1);
    expect(Math.abs(hard('sft/random') - hard('base'))).toBeLessThan(0.06);

    const external = report.arms.find((arm) => arm.name === 'dpo/external-judge');
    // The double is best at the half; the second seed takes over what the first has chosen.
    expect(external?.perSeed.map(({ seed, step, learningRate }) => [seed, step, learningRate])).toEqual([
      [1, 5, 0.001],
      [2, 5, 0.001],
    ]);
    expect(report.signals.map(({ name, judge }) => [name, judge])).toContainEqual(['self-judge', 'slipping']);
    expect(report.signals.every(({ kappa }) => kappa !== null)).toBe(true);

    const manifest = readManifest(out);
    expect(manifest?.state).toBe('done');
    expect(new Set(manifest?.results.map(({ stage }) => stage))).toEqual(
      new Set([
        'sample',
        'saturate',
        'compare',
        'score',
        'assess',
        'dataset',
        'train',
        'evaluate',
        'questions',
        'entropies',
      ]),
    );
    // The page is made of what the folder holds.
    const { browser, curves } = await readPageMaterial(out, report);
    const [question] = browser?.questions ?? [];
    const [solution] = question?.solutions ?? [];
    expect(Object.keys(question?.scores ?? {})).toContain('self-judge');
    expect(
      Object.keys(browser?.questions.find(({ verdicts }) => verdicts['strong'])?.verdicts ?? {}),
    ).toContain('slipping');
    expect(solution?.ends?.at(-1)).toBe(solution?.text.length);
    expect(solution?.entropies?.[0]).toBe(50);
    expect(browser?.answers).toHaveLength(30);
    expect(Object.keys(browser?.answers[0]?.arms ?? {})).toEqual(report.arms.map(({ name }) => name));
    expect(curves?.filter(({ arm }) => arm === 'dpo/external-judge').map(({ seed }) => seed)).toEqual([1, 2]);
    for (const stage of ['sample', 'train', 'evaluate']) {
      const last = events.findLast((event) => event.kind === 'stage' && event.progress.stage === stage);
      if (last?.kind !== 'stage') throw new Error(`nothing was heard of ${stage}`);
      expect([stage, last.progress.done]).toEqual([stage, last.progress.total]);
    }
  });

  it('trains an arm as its signal card recommends, where it asks for that', async () => {
    // The scorer's double says: attenuate the wins of the slipping judge by 20 %, never train on the reversed one, use the others.
    const services = await doubles();
    const heard: string[] = [];
    const events: ProgressEvent[] = [];
    const report = await run(
      experimentOn(services, '[1, 2]', [
        '{ name: used, signal: external-judge, objective: dpo-stopped, attenuate: auto }',
        '{ name: attenuated, signal: self-judge, objective: sft, attenuate: auto }',
        '{ name: smoothed, signal: self-judge, objective: dpo, attenuate: auto }',
        '{ name: refused, signal: reversed-judge, objective: dpo-stopped, attenuate: auto }',
      ]),
      newFolder(),
      {
        listen: (event) => {
          events.push(event);
          if (event.kind === 'message') heard.push(event.text);
        },
      },
    );
    const arm = (name: string) => report.arms.find((candidate) => candidate.name === name);
    expect(arm('used')?.eval).toEqual(arm('dpo/external-judge')?.eval);
    // Its seeds are all the base itself.
    expect(arm('refused')?.eval.hard).toEqual({ ...arm('base')?.eval.hard, seedDeviation: 0 });
    expect(arm('refused')?.perSeed.map(({ step }) => step)).toEqual([null, null]);
    expect(arm('refused')?.objective).toBe('dpo, not trained');
    expect(arm('attenuated')?.objective).toBe('sft, flip rate 0.2');
    expect(heard).toContain(
      'refused is not trained, and is the base model in the report: the double says so. Its judge is the auditor itself.',
    );
    const objectives = [...services.jobs.values()].map(({ spec }) => spec.objective);
    const plain = { beta: 5, lossType: 0, labelSmoothing: 0 };
    // Of two seeds, dpo-stopped tries two learning rates with the first; the arm that uses its signal as it is adds no job.
    expect(
      objectives.filter((objective) => objective?.$case === 'dpo').map((objective) => objective?.value),
    ).toEqual(expect.arrayContaining([plain, { ...plain, labelSmoothing: 0.2 }]));
    expect(objectives).toHaveLength(4 * 2 + 3 + 2 * 2);
    const weighted = { selection: SftSelection.SFT_SELECTION_WEIGHTED };
    expect(objectives.map((objective) => objective?.value)).toContainEqual(weighted);
    for (const stage of ['train', 'evaluate']) {
      const last = events.findLast((event) => event.kind === 'stage' && event.progress.stage === stage);
      if (last?.kind !== 'stage') throw new Error(`nothing was heard of ${stage}`);
      expect([stage, last.progress.done]).toEqual([stage, last.progress.total]);
    }
  });

  it('asks each judge once for all signals, and once for solutions with the same text', async () => {
    const services = await doubles();
    await run(experimentOn(services, '[1]'), newFolder());
    // One signal uses the one judge, three the other; the double refuses a question that it was asked before.
    expect(services.calls.get('rubric')).toBe(services.calls.get('judge'));
  });

  it('costs nothing when it is repeated', async () => {
    const services = await doubles();
    const out = newFolder();
    const first = await run(experimentOn(services), out);
    const calls = new Map(services.calls);
    const second = await run(experimentOn(services), out);
    expect(numbers(second)).toEqual(numbers(first));
    expect(services.calls).toEqual(calls);
  });

  it('gives the same numbers when services break off in the middle', async () => {
    const undisturbed = await run(experimentOn(await doubles()), newFolder());
    const breakOff = { generate: 2, judge: 1, rubric: 1, watchJob: 3, evaluate: 4 };
    const services = await doubles({ breakOff });
    const disturbed = await run(experimentOn(services), newFolder());
    expect(numbers(disturbed)).toEqual(numbers(undisturbed));
    expect(services.calls.get('generate')).toBe(5 + 1);
  });

  it('continues where an interrupted run stopped', async () => {
    const undisturbed = await run(experimentOn(await doubles()), newFolder());
    const services = await doubles();
    const out = newFolder();
    for (const stage of ['sample', 'compare', 'train', 'evaluate']) {
      const controller = new AbortController();
      const reason = new Error('interrupted');
      let heard = 0;
      const interrupted = run(experimentOn(services), out, {
        signal: controller.signal,
        listen: (event) => {
          if (
            event.kind === 'stage' &&
            event.progress.stage === stage &&
            event.progress.done > event.progress.reused &&
            ++heard === 12
          )
            controller.abort(reason);
        },
      });
      await interrupted.catch((error: unknown) => expect(error).toBe(reason));
    }
    const report = await run(experimentOn(services), out);
    expect(numbers(report)).toEqual(numbers(undisturbed));
    // No chunk of 8 questions was sampled more than once, but for the one that was broken off.
    expect(services.calls.get('generate')).toBeLessThanOrEqual(5 + 1);
  });

  it('says why training failed, and tries again when it is run again', async () => {
    const services = await doubles({ failFirstJob: true });
    const out = newFolder();
    await expect(run(experimentOn(services, '[1]'), out)).rejects.toThrow(
      /training failed at step 10 of 10: out of memory/,
    );
    expect(readManifest(out)?.state).toBe('failed');
    const report = await run(experimentOn(services, '[1]'), out);
    expect(report.arms).toHaveLength(6);
  });

  it('refuses a task without saturated questions, says how many there were, and can leave nothing behind', async () => {
    const services = await doubles({ easyAccuracy: () => 0 });
    const out = newFolder();
    const prepared = await prepareRun(experimentOn(services), { out });
    const refused = runExperiment(prepared);
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(
      /0 of 40 training questions.*mean accuracy 0\.0 %.*sampling\.samples/,
    );
    prepared.folder.discard();
    expect(existsSync(out)).toBe(false);
  });

  it("verifies with a function of one's own", async () => {
    const services = await doubles();
    const out = newFolder();
    const module = join(mkdtempSync(join(tmpdir(), 'overtone-own-')), 'verifier.mjs');
    const verifier = (correct: string): Promise<PreparedRun> => {
      writeFileSync(
        module,
        `export const verify = async (problem, text) => ({ correct: ${correct}, answered: true });`,
      );
      const experiment = experimentOn(services, '[1]');
      return prepareRun({ ...experiment, task: { ...experiment.task, verifier: module } }, { out });
    };
    const report = await runExperiment(
      await verifier('text.startsWith("slowly") || text.startsWith("fast")'),
    );
    expect(report.saturation).toMatchObject({ questions: 40, saturated: 40, accuracy: 1 });
    await expect(runExperiment(await verifier('false'))).rejects.toThrow(/0 of 40 training questions/);
    await expect(runExperiment(await verifier('problem.nothing.at.all'))).rejects.toThrow(
      /verifier\.mjs: problem "/,
    );
    await expect(prepareRunWithout(services)).rejects.toThrow(
      /^task\.verifier: verifier \/none\.ts: no such file$/,
    );
  });

  it('refuses a folder in which another process is at work, but not one that such a process left', async () => {
    const services = await doubles();
    const out = newFolder();
    const holder = fileURLToPath(new URL('../../artifacts/src/lock-holder.fixture.ts', import.meta.url));
    const other = spawn(process.execPath, [holder, join(out, 'run.lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(other.stdout, 'data');
    await expect(prepareRun(experimentOn(services), { out })).rejects.toThrow(
      /^process \d+ on .* is at work in /,
    );
    expect(existsSync(join(out, 'config.yaml'))).toBe(false);
    other.kill('SIGKILL');
    await once(other, 'exit');
    const { folder } = await prepareRun(experimentOn(services), { out });
    await expect(prepareRun(experimentOn(services), { out })).rejects.toThrow(/is at work in /);
    folder.finish('failed', {});
    (await prepareRun(experimentOn(services), { out })).folder.finish('failed', {});
  });

  it('refuses a signal of entropies before it samples, where the generator gives none', async () => {
    const services = await doubles({ entropyKind: EntropyKind.ENTROPY_KIND_NONE });
    await expect(run(experimentOn(services), newFolder())).rejects.toThrow(
      /signal "entropy" is made of entropies, and the generator at .* gives none/,
    );
    expect(services.calls.get('generate') ?? 0).toBe(0);
  });

  it('refuses the folder of another configuration', async () => {
    const services = await doubles();
    const out = newFolder();
    await run(experimentOn(services, '[1]'), out);
    await expect(prepareRun(experimentOn(services, '[2]'), { out })).rejects.toThrow(
      /another configuration.*--force/,
    );
    const forced = await runExperiment(await prepareRun(experimentOn(services, '[2]'), { out, force: true }));
    expect(forced.arms.at(-1)?.seeds).toEqual([2]);
  });
});
