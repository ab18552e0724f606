import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderLock, openStore } from '@overtone/artifacts';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../config/load.ts';
import { InputError } from '../input-error.ts';
import { loadSplits } from '../problems.ts';
import { RunFolder } from '../run-folder.ts';
import { builtInVerifier, exampleTurns } from '@overtone/tasks';
import { collect, resultKey } from '../run-context.ts';
import { samplingKey } from '../stages/sample.ts';
import { workOf } from '../work.ts';
import {
  collectGarbage,
  findArtifact,
  findRuns,
  knownWork,
  listRunAt,
  questionOf,
  readRun,
  rowsOf,
  stagesOf,
} from './index.ts';
import { settingsOfRun } from './settings.ts';

const FILE = `name: small
model: owner/name
task:
  kind: chain-sum
  train: { seed: 1, count: 4, terms: [2, 3], max: 9 }
  easy: { seed: 2, count: 4, terms: [2, 3], max: 9 }
  hard: { seed: 3, count: 4, terms: [7, 8], max: 20 }
sampling: { samples: 2, chunk: 2 }
judges: { self: { backend: generator } }
signals: { judged: { method: wins, judge: self } }
objectives:
  sft: { type: sft, optimizer: { learningRate: 0.001 }, steps: 10, groupsPerStep: 4 }
arms: [{ signal: judged, objective: sft }]
`;
const experiment = parseExperiment(FILE, { file: 'small.yaml', folder: tmpdir() });
const splits = await loadSplits(experiment.task);
const [first] = splits.train;
if (first === undefined) throw new Error('there is no question');
const ID = first.id;
const solution = (index: number, text: string) => ({
  problemId: ID,
  index,
  text,
  tokens: 3,
  meanEntropy: 0.5,
  meanLogprob: -0.5,
});

/** A run that has ended in some state, with samples, scores, verdicts, a training, and what nothing refers to. */
async function made(state: 'done' | 'interrupted' = 'done', name = 'run') {
  const path = join(mkdtempSync(join(tmpdir(), 'overtone-history-')), name);
  const folder = await RunFolder.open(path, experiment);
  const store = openStore(folder.artifacts);
  const record = async (stage: string, label: string, rows: unknown[], key = resultKey(stage, label)) => {
    const ref = await store.writeJsonl(rows);
    await store.bind(key, ref);
    folder.record(stage, label, key, ref);
    return ref;
  };
  await record('sample', 'chunk 1', [solution(0, 'first'), solution(1, 'second')]);
  await record('score', 'judged', [
    {
      problemId: ID,
      scores: [
        { index: 0, score: -1 },
        { index: 1, score: 1 },
      ],
    },
  ]);
  await record('compare', 'self chunk 1', [{ problemId: ID, verdicts: [{ i: 0, j: 1, forward: 0.2 }] }]);
  await record('evaluate', 'base, hard', [{ problemId: ID, text: '14', correct: true, tokens: 2 }]);
  const weights = join(path, 'weights');
  mkdirSync(weights);
  writeFileSync(join(weights, 'adapter_model.safetensors'), Buffer.alloc(5000, 7));
  const adapter = await store.putFolder(weights, 'application/vnd.overtone.adapter');
  await store.openFolder(adapter);
  await record('train', 'sft/judged seed 1', [{ snapshots: [{ step: 10, weights: adapter }], metrics: [] }]);
  const orphan = await store.put(Buffer.alloc(100_000, 1), 'application/octet-stream');
  await store.bind(resultKey('sample', 'of another configuration'), orphan);
  mkdirSync(join(path, 'state', 'trainer', 'jobs', 'one'), { recursive: true });
  writeFileSync(join(path, 'state', 'trainer', 'jobs', 'one', 'checkpoint'), Buffer.alloc(50_000, 2));
  folder.finish(state, { sample: 2, train: 3 });
  return { path, store, adapter, orphan };
}

/** Read by several tests, changed by none. */
const shared = await made();

describe('runs', () => {
  it('are found below a folder, and told by their state', async () => {
    const { path } = await made();
    const parent = join(path, '..');
    mkdirSync(join(parent, 'nested', 'deeper'), { recursive: true });
    const killed = await made('interrupted');
    renameSync(killed.path, join(parent, 'nested', 'deeper', 'b'));
    expect((await findRuns(parent)).map((found) => found.slice(parent.length + 1))).toEqual([
      'nested/deeper/b',
      'run',
    ]);
    expect(await listRunAt(path)).toMatchObject({ name: 'small', state: 'done', headline: null });
    const lock = await FolderLock.take(join(path, 'run.lock'));
    expect((await readRun(path)).state).toBe('at work');
    lock.release();
    await expect(findRuns(join(parent, 'missing'))).rejects.toThrow(InputError);
    await expect(readRun(parent)).rejects.toThrow(/holds no run: there is no manifest\.json/);
  });

  it('that cannot be seen are at work while they touch their lock', async () => {
    const path = mkdtempSync(join(tmpdir(), 'overtone-history-'));
    copyFileSync(join(shared.path, 'manifest.json'), join(path, 'manifest.json'));
    const lock = join(path, 'run.lock');
    writeFileSync(lock, JSON.stringify({ token: 't', pid: 1, started: '', place: 'elsewhere', host: 'h' }));
    expect((await readRun(path)).state).toBe('at work');
    utimesSync(lock, 0, 0);
    expect((await readRun(path)).state).toBe('done');
  });
});

describe('a run from the inside', () => {
  it('has stages, artifacts by label and by hash, and their rows', async () => {
    const record = await readRun(shared.path);
    expect((await stagesOf(record)).find(({ stage }) => stage === 'train')).toMatchObject({
      artifacts: 1,
      seconds: 3,
    });
    const artifact = await findArtifact(record, 'base, hard');
    expect(await findArtifact(record, artifact.sha256.slice(0, 8))).toEqual(artifact);
    expect(await collect(rowsOf(record, artifact))).toEqual([
      { problemId: ID, text: '14', correct: true, tokens: 2 },
    ]);
    await expect(findArtifact(record, 'smaple')).rejects.toThrow(/did you mean "sample"/);
  });

  it('tells everything of a question, also where its folder was moved', async () => {
    const { path } = await made();
    renameSync(path, `${path}-moved`);
    const question = await questionOf(await readRun(`${path}-moved`), ID);
    expect(question).toMatchObject({ question: first.question, split: 'train', saturated: false });
    expect(question?.solutions.map(({ text, scores }) => [text, scores['judged']])).toEqual([
      ['first', -1],
      ['second', 1],
    ]);
    expect(question?.verdicts).toEqual([{ judge: 'self', i: 0, j: 1, forward: 0.2, backward: null }]);
    expect(question?.answers).toMatchObject([{ system: 'base, hard', correct: 1 }]);
    expect(await questionOf(await readRun(`${path}-moved`), 'nothing like it')).toBeUndefined();
  });
});

describe('garbage', () => {
  it('is what a run that is done does not refer to; what it does stays, through folders too', async () => {
    const { path, store, adapter, orphan } = await made();
    const dry = await collectGarbage([path], { free: false });
    expect(dry.garbage[0]).toMatchObject({ artifacts: { count: 1 }, training: { count: 1 } });
    expect(await store.has(orphan)).toBe(true);
    const { garbage } = await collectGarbage([path], { free: true });
    expect(garbage[0]?.artifacts.bytes).toBeGreaterThanOrEqual(100_000);
    expect(garbage[0]?.training.bytes).toBeGreaterThanOrEqual(50_000);
    expect(await store.has(orphan)).toBe(false);
    expect(await store.resolve(resultKey('sample', 'of another configuration'))).toBeUndefined();
    expect(await store.resolve(resultKey('sample', 'chunk 1'))).toBeDefined();
    expect(statSync(join(await store.openFolder(adapter), 'adapter_model.safetensors')).size).toBe(5000);
    expect(existsSync(join(path, 'state', 'trainer', 'jobs', 'one'))).toBe(false);
    expect((await collectGarbage([path], { free: true })).garbage[0]?.paths).toEqual([]);
  });

  it('is never taken from a run that is at work or goes on', async () => {
    const { path, store, orphan } = await made();
    const stopped = await made('interrupted');
    const lock = await FolderLock.take(join(path, 'run.lock'));
    const { garbage, spared } = await collectGarbage([path, stopped.path], { free: true });
    lock.release();
    expect(garbage).toEqual([]);
    expect(spared.map(({ reason }) => reason)).toEqual([
      'it is at work',
      'it is interrupted, and continues from what it has',
    ]);
    expect([await store.has(orphan), await stopped.store.has(stopped.orphan)]).toEqual([true, true]);
  });
});

describe('a plan', () => {
  it('knows samples by their keys, what of them is saturated, and that a run that is done has nothing left', async () => {
    const { path, store } = await made();
    const prompt = { template: experiment.task.prompt, turns: exampleTurns(experiment.task.prompt, []) };
    const input = { experiment, splits, prompt, verifier: builtInVerifier, model: 'sha', out: path };
    expect(await knownWork(input)).toMatchObject({
      samples: 0,
      saturated: null,
      done: true,
      jobs: 1,
      steps: 10,
    });
    for (let at = 0; at < splits.train.length; at += 2) {
      const chunk = splits.train.slice(at, at + 2);
      const rows = chunk.flatMap(({ id, answer }, place) =>
        [0, 1].map((index) => ({
          ...solution(index, `\\boxed{${place === 0 || index === 0 ? answer : 'x'}}`),
          problemId: id,
        })),
      );
      const key = samplingKey({ model: 'sha', prompt, decoding: experiment.sampling }, chunk);
      await store.bind(resultKey('sample', key), await store.writeJsonl(rows));
    }
    const known = await knownWork(input);
    expect(known).toMatchObject({ samples: 8, saturated: 2, meanTokens: 3 });
    expect(workOf(experiment, splits, known?.saturated ?? undefined).comparisons).toEqual({ self: 4 });
    expect(workOf(experiment, splits).comparisons).toEqual({ self: 8 });
  });
});

describe('settings', () => {
  it('go by paths, arms by names, and objectives of arms by theirs', () => {
    const sft = { type: 'sft', steps: 10 };
    const settings = settingsOfRun({
      seeds: [1, 2],
      objectives: { sft },
      arms: [
        { name: 'a', signal: 's', objective: sft },
        { name: 'b', signal: 's', objective: { ...sft, attenuate: 'auto' } },
      ],
    });
    expect(Object.fromEntries(settings)).toEqual({
      seeds: '[1,2]',
      'objectives.sft.type': 'sft',
      'objectives.sft.steps': '10',
      'arms.a.signal': 's',
      'arms.a.objective': 'sft',
      'arms.b.signal': 's',
      'arms.b.objective.type': 'sft',
      'arms.b.objective.steps': '10',
      'arms.b.objective.attenuate': 'auto',
    });
  });
});
