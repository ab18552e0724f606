import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { loadSplits } from '../problems.ts';
import { workOf } from '../work.ts';
import { parseExperiment } from './load.ts';
import { mustBeFetched } from './model-reference.ts';

const FOLDER = fileURLToPath(new URL('../../recipes/', import.meta.url));
const RECIPES = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

/** A recipe; where its model is a folder, with services elsewhere, so that one that is not here is no error. */
function load(name: string) {
  const file: unknown = parse(readFileSync(`${FOLDER}${name}`, 'utf8'), { merge: true });
  if (typeof file !== 'object' || file === null || !('model' in file))
    throw new Error(`${name} has no model`);
  const isFolder = String(file.model).startsWith('.');
  const remote = { ...file, ...(isFolder && { services: { generator: 'host:1', trainer: 'host:2' } }) };
  return parseExperiment(stringify(remote), { file: name, folder: FOLDER });
}

/** Every row of the paper's comparison. */
const ROWS = ['sft', 'dpo', 'rrhf', 'rrhf-bt'].flatMap((objective) =>
  ['entropy', 'self-judge', 'external-judge'].map((signal) => `${objective}/${signal}`),
);

describe('the recipes', () => {
  it.each(RECIPES)('%s is valid, and its questions can be drawn', async (name) => {
    const experiment = load(name);
    const work = workOf(experiment, await loadSplits(experiment.task));
    expect(work.questions.train).toBeGreaterThan(0);
    expect(work.steps).toBeGreaterThan(0);
    expect(work.jobs).toBeGreaterThanOrEqual(experiment.arms.length);
  });

  it.each(['miniature-paper.yaml', 'qwen3-chain-sum.yaml', 'qwen3-gsm8k.yaml'])(
    '%s has every row of the comparison, and the baseline that no signal chooses for',
    (name) => {
      expect(load(name).arms.map((arm) => arm.name)).toEqual(['sft/random', 'sft/all', ...ROWS]);
    },
  );

  it.each(['qwen3-chain-sum.yaml', 'qwen3-gsm8k.yaml'])("%s has the paper's hyper-parameters", (name) => {
    const { model, arms, evaluation, judges, signals } = load(name);
    expect(model).toBe('Qwen/Qwen3-1.7B-Base');
    expect(mustBeFetched(load(name))).toBe(true);
    for (const { objective } of arms)
      expect(objective).toMatchObject({
        lora: {
          r: 32,
          alpha: 64,
          dropout: 0.05,
          targetModules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
        },
        optimizer: { learningRate: 5e-5, schedule: 'cosine', warmupRatio: 0.1, weightDecay: 0 },
        maxLength: 2048,
      });
    const objectiveOf = (arm: string) => arms.find((each) => each.name === arm)?.objective;
    expect(objectiveOf('dpo/entropy')).toMatchObject({ type: 'dpo', beta: 5, groupsPerStep: 2 });
    const rrhf = { type: 'rrhf', rankWeight: 0.1, steps: 2000, groupsPerStep: 2 };
    expect(objectiveOf('rrhf/entropy')).toMatchObject({ ...rrhf, bradleyTerryWeights: false });
    expect(objectiveOf('rrhf-bt/entropy')).toMatchObject({ ...rrhf, bradleyTerryWeights: true });
    expect(evaluation).toMatchObject({ samples: 8, temperature: 0.6, topP: 0.95, maxNewTokens: 2048 });
    expect(judges.self).toMatchObject({ analysisTokens: 800 });
    expect(signals['self-judge']).toMatchObject({ method: 'wins', judge: 'self' });
  });

  it("the miniature's comparison takes over what was chosen for the miniature, and draws the same questions", () => {
    const [paper, tuned] = [load('miniature-paper.yaml'), load('miniature.yaml')];
    expect(paper.task).toEqual(tuned.task);
    expect(paper.seeds).toEqual([1, 2, 3, 4, 5]);
    const objectives = (experiment: typeof paper) =>
      new Map(experiment.arms.map(({ name, objective }) => [name, objective]));
    const known = objectives(tuned);
    for (const [name, objective] of objectives(paper)) {
      const same = known.get(name);
      if (same !== undefined) expect(objective).toEqual(same);
    }
    const own = objectives(paper).get('rrhf/entropy');
    const weighed = objectives(paper).get('rrhf-bt/entropy');
    expect({ ...own, bradleyTerryWeights: true }).toEqual(weighed);
  });
});
