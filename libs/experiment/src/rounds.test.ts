import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReport, type Report } from '@overtone/report';
import { afterEach, describe, expect, it } from 'vitest';
import { type Experiment, parseExperiment } from './config/load.ts';
import { prepareQuestions, prepareRun, readManifest } from './prepare.ts';
import type { ProgressEvent } from './progress.ts';
import { roundSeed } from './rounds.ts';
import { runExperiment } from './run.ts';
import { type DoubleOptions, type Doubles, startDoubles } from './test-doubles.ts';
import { workOf } from './work.ts';

const running: Doubles[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((doubles) => doubles.close()));
});

/** Whoever has learnt something solves more of the easy questions every time. */
const learning: DoubleOptions = {
  easyAccuracy: (question, skill) => (question.length % 3 === 0 ? 1 : Math.min(1, 0.8 + skill)),
};

async function doubles(options: DoubleOptions = learning): Promise<Doubles> {
  const started = await startDoubles(options);
  running.push(started);
  return started;
}

function experimentOn(services: Doubles, arms: readonly string[], seeds = '[1]'): Experiment {
  const { generator, scorer, trainer, evaluator } = services.addresses;
  return parseExperiment(
    `
name: rounds
model: double
task:
  kind: chain-sum
  train: { seed: 1, count: 24, terms: [2, 4], max: [9, 20] }
  development: { seed: 2, count: 6, terms: [7, 8], max: [20, 50] }
  easy: { seed: 3, count: 6, terms: [2, 4], max: [9, 20] }
  hard: { seed: 4, count: 12, terms: [7, 8], max: [20, 50] }
sampling: { samples: 4, chunk: 8, seed: 5 }
judges:
  slipping: { backend: address, address: '${services.judge}' }
  strong: { backend: address, address: '${services.rubric}' }
audit: { judge: strong, groups: 5 }
signals:
  entropy: { method: inverse-entropy }
  self-judge: { method: wins, judge: slipping }
  reversed: { method: bradley-terry, judge: strong, reversed: true }
objectives:
  sft: { type: sft, optimizer: { learningRate: 1.0e-3 }, steps: 6, groupsPerStep: 4 }
  dpo: { type: dpo, optimizer: { learningRate: 1.0e-3 }, steps: 6, groupsPerStep: 4 }
  chosen:
    type: dpo
    optimizer: { learningRate: 1.0e-3 }
    steps: 6
    groupsPerStep: 4
    selection: { snapshotEverySteps: 3, scope: first-seed }
arms:
${arms.map((arm) => `  - ${arm}`).join('\n')}
seeds: ${seeds}
evaluation: { samples: 4 }
services: { generator: '${generator}', scorer: '${scorer}', trainer: '${trainer}', evaluator: '${evaluator}', artifacts: '${services.artifacts}' }
`,
    { file: 'test.yaml', folder: '/nowhere' },
  );
}

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), 'overtone-rounds-')), 'run');

async function run(experiment: Experiment, out: string, options: Parameters<typeof runExperiment>[1] = {}) {
  return runExperiment(await prepareRun(experiment, { out }), options);
}

const numbers = ({ timings: _, judges: __, ...report }: Report): unknown => report;

const armOf = (report: Report, name: string): Report['arms'][number] => {
  const arm = report.arms.find((candidate) => candidate.name === name);
  if (arm === undefined) throw new Error(`no arm ${name}`);
  return arm;
};

describe('rounds', () => {
  it('sample with the adapter of the round before, estimate saturation anew, and train on from there', async () => {
    const services = await doubles();
    const out = newFolder();
    const events: ProgressEvent[] = [];
    const report = await run(
      experimentOn(services, ['{ signal: self-judge, objective: dpo, rounds: 2 }']),
      out,
      {
        listen: (event) => events.push(event),
      },
    );
    const [first, second, ...more] = [...services.jobs.values()].map(({ spec }) => spec);
    expect(more).toEqual([]);
    const trained = readManifest(out)?.results.filter(({ stage }) => stage === 'train');
    expect(trained?.map(({ label }) => label)).toEqual([
      'dpo/self-judge seed 1',
      'dpo/self-judge seed 1 round 2',
    ]);
    const adapter = second?.initialAdapter?.sha256;
    expect(first?.initialAdapter).toBeUndefined();
    expect(adapter).toMatch(/^[0-9a-f]{64}$/);
    expect(second?.referenceAdapter).toEqual(second?.initialAdapter);
    expect([first?.seed, second?.seed]).toEqual([1, roundSeed(1, 2)]);
    expect(second?.dataset?.sha256).not.toBe(first?.dataset?.sha256);

    // Three chunks of eight questions from the base, then as many from the adapter of round 1, from a seed of their own.
    const chunk = (from: string | undefined, seed: number) => ({ adapter: from, seed, questions: 8 });
    expect(services.sampled).toEqual([
      ...Array.from({ length: 3 }, () => chunk(undefined, 5)),
      ...Array.from({ length: 3 }, () => chunk(adapter, roundSeed(5, 2))),
    ]);

    const arm = armOf(report, 'dpo/self-judge');
    const [one, two] = arm.rounds ?? [];
    expect(one).toMatchObject({
      round: 1,
      ...{ saturated: report.saturation.saturated, noLonger: 0, newly: 0 },
    });
    expect(one?.accuracy).toBe(report.saturation.accuracy);
    expect(two?.round).toBe(2);
    expect(two?.newly).toBeGreaterThan(0);
    expect(two?.saturated).toBe((one?.saturated ?? 0) - (two?.noLonger ?? 0) + (two?.newly ?? 0));
    expect(two?.accuracy).toBeGreaterThan(one?.accuracy ?? 1);
    expect(two?.eval.hard.avg).toBeGreaterThan(one?.eval.hard.avg ?? 1);
    expect(arm.eval.hard).toMatchObject({ avg: two?.eval.hard.avg });
    expect(arm.perSeed[0]?.rounds?.map(({ step }) => step)).toEqual([6, 6]);
    expect(parseReport(readFileSync(join(out, 'report.json'), 'utf8'))).toEqual(report);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<h2>Rounds</h2>');

    for (const stage of ['sample', 'compare', 'score', 'assess', 'train', 'evaluate']) {
      const last = events.findLast((event) => event.kind === 'stage' && event.progress.stage === stage);
      if (last?.kind !== 'stage') throw new Error(`nothing was heard of ${stage}`);
      expect([stage, last.progress.done]).toEqual([stage, last.progress.total]);
    }
    // A repeated run asks for nothing.
    const calls = new Map(services.calls);
    const again = await run(
      experimentOn(services, ['{ signal: self-judge, objective: dpo, rounds: 2 }']),
      out,
    );
    expect(numbers(again)).toEqual(numbers(report));
    expect(services.calls).toEqual(calls);
  });

  it('leave what arms of one round do as it was, and share it', async () => {
    const services = await doubles();
    const one = newFolder();
    const arm = '{ name: once, signal: entropy, objective: sft }';
    const plain = await run(experimentOn(services, [arm]), one);
    expect(armOf(plain, 'once').rounds).toBeUndefined();
    const said = newFolder();
    await run(experimentOn(services, [arm.replace(' }', ', rounds: 1 }')]), said);
    expect(readFileSync(join(said, 'config.yaml'))).toEqual(readFileSync(join(one, 'config.yaml')));

    const calls = new Map(services.calls);
    const more = newFolder();
    const report = await run(
      experimentOn(services, [
        arm,
        '{ name: twice, signal: entropy, objective: sft, rounds: 2 }',
        '{ name: thrice, signal: entropy, objective: sft, rounds: 3 }',
      ]),
      more,
    );
    const keysOf = (folder: string): string[] => readManifest(folder)?.results.map(({ key }) => key) ?? [];
    expect(keysOf(one).length).toBeGreaterThan(5);
    expect(keysOf(more)).toEqual(expect.arrayContaining(keysOf(one)));
    // Two further rounds are sampled, trained and measured, of which both arms share the first.
    expect((services.calls.get('generate') ?? 0) - (calls.get('generate') ?? 0)).toBe(2 * 3);
    expect(services.jobs.size).toBe(3);
    expect(armOf(report, 'once').eval).toEqual(armOf(plain, 'once').eval);
    expect(armOf(report, 'thrice').rounds?.slice(0, 2)).toEqual(armOf(report, 'twice').rounds);
  });

  it('continue where an interrupted run stopped, in the middle of a round', async () => {
    const arms = ['{ signal: self-judge, objective: chosen, rounds: 3 }'];
    const undisturbed = await run(experimentOn(await doubles(), arms, '[1, 2]'), newFolder());
    const services = await doubles();
    const out = newFolder();
    for (const place of ['sample', 'compare', 'train', 'evaluate']) {
      const controller = new AbortController();
      const reason = new Error('interrupted');
      let heard = 0;
      const interrupted = run(experimentOn(services, arms, '[1, 2]'), out, {
        signal: controller.signal,
        listen: (event) => {
          if (event.kind !== 'stage' || event.progress.stage !== place) return;
          const inRound =
            place === 'compare' ? services.jobs.size > 0 : event.progress.detail.includes('round 2');
          if (inRound && event.progress.done > event.progress.reused && ++heard === 3)
            controller.abort(reason);
        },
      });
      await expect(interrupted).rejects.toBe(reason);
    }
    const report = await run(experimentOn(services, arms, '[1, 2]'), out);
    expect(numbers(report)).toEqual(numbers(undisturbed));
    // 3 chunks of the base, and of 2 rounds of 2 seeds, but for what was broken off.
    expect(services.calls.get('generate')).toBeLessThanOrEqual(3 + 2 * 2 * 3 + 4);
    // The second seed takes the step that the first has chosen in the same round.
    const [one, two] = armOf(report, 'chosen/self-judge').perSeed;
    expect(two?.rounds?.map(({ step }) => step)).toEqual(one?.rounds?.map(({ step }) => step));
  });

  it('end where nothing is left to learn, and say why', async () => {
    const services = await doubles({ easyAccuracy: (_, skill) => (skill === 0 ? 1 : 0) });
    const heard: string[] = [];
    const events: ProgressEvent[] = [];
    const report = await run(
      experimentOn(services, [
        '{ signal: entropy, objective: sft, rounds: 3 }',
        '{ name: refused, signal: reversed, objective: dpo, attenuate: auto, rounds: 2 }',
      ]),
      newFolder(),
      {
        listen: (event) => {
          events.push(event);
          if (event.kind === 'message') heard.push(event.text);
        },
      },
    );
    expect(heard).toContain(
      'sft/entropy seed 1 round 2 trains nothing, and the arm keeps its weights: no training question is saturated',
    );
    const arm = armOf(report, 'sft/entropy');
    expect(arm.rounds?.map(({ trained, saturated }) => [trained, saturated])).toEqual([
      [1, 24],
      [0, 0],
      [0, 0],
    ]);
    expect(arm.eval).toMatchObject({ hard: { avg: arm.rounds?.[0]?.eval.hard.avg } });
    const refused = armOf(report, 'refused');
    expect(refused.rounds?.map(({ trained }) => trained)).toEqual([0, 0]);
    expect(refused.eval.hard.avg).toBe(armOf(report, 'base').eval.hard.avg);
    for (const stage of ['train', 'evaluate']) {
      const last = events.findLast((event) => event.kind === 'stage' && event.progress.stage === stage);
      if (last?.kind !== 'stage') throw new Error(`nothing was heard of ${stage}`);
      expect([stage, last.progress.done]).toEqual([stage, last.progress.total]);
    }
  });

  it('are counted before anything runs', async () => {
    const services = await doubles();
    const one = '{ signal: self-judge, objective: dpo }';
    const count = async (arms: readonly string[]) => {
      const experiment = experimentOn(services, arms, '[1, 2]');
      return workOf(experiment, (await prepareQuestions(experiment)).splits);
    };
    const [single, triple] = [await count([one]), await count([one.replace(' }', ', rounds: 3 }')])];
    const later = 2 * 2;
    expect(triple.jobs).toBe(3 * single.jobs);
    expect(triple.steps).toBe(3 * single.steps);
    expect(triple.samples).toBe(single.samples + later * 24 * 4);
    expect([single.laterSamples, triple.laterSamples]).toEqual([0, later * 24 * 4]);
    expect(triple.comparisons['slipping']).toBe((single.comparisons['slipping'] ?? 0) + later * 24 * 12);
    expect(triple.comparisons['strong']).toBe(single.comparisons['strong']);
    expect(triple.evaluated).toBe(single.evaluated + later * (6 + 12) * 4);
  });
});
