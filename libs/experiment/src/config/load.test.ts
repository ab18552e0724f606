import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../input-error.ts';
import { type Experiment, parseExperiment } from './load.ts';

const VALID = `name: test
model: some-id
task:
  kind: chain-sum
  train: { seed: 1, count: 4, terms: [2, 3], max: 9 }
  easy: { seed: 2, count: 4, terms: [2, 3], max: [9, 20] }
  hard: { seed: 3, count: 4, terms: [7, 8], max: 20 }
judges:
  self: { backend: generator }
signals:
  entropy: { method: inverse-entropy }
  judged: { method: wins, judge: self }
objectives:
  sft: { type: sft, optimizer: { learningRate: 0.001 }, steps: 10, groupsPerStep: 4 }
arms:
  - { signal: entropy, objective: sft }
services: { generator: 'host:1', trainer: 'host:2' }
`;

function load(text: string, folder = '/nowhere'): Experiment {
  return parseExperiment(text, { file: 'x.yaml', folder });
}

/** The one line that a text is refused with. */
function refusal(text: string, folder?: string): string {
  try {
    load(text, folder);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.message).not.toContain('\n');
    return error.message;
  }
  throw new Error('was not refused');
}

describe('an experiment file', () => {
  it('gets its defaults', () => {
    const experiment = load(VALID);
    expect(experiment.sampling).toMatchObject({ samples: 8, temperature: 0.6, topP: 0.95 });
    expect(experiment.arms).toMatchObject([
      { name: 'sft/entropy', signal: 'entropy', objective: { choose: 'best' } },
    ]);
    expect(experiment.seeds).toEqual([1]);
    expect(experiment.arms[0]?.objective.lora).toEqual({ r: 16, alpha: 32, targetModules: [] });
  });

  it.each([
    [
      VALID.replace('objectives:', 'objectvies:'),
      /^x\.yaml:13: objectvies: unknown key "objectvies", did you mean "objectives"\?/,
    ],
    [
      VALID.replace('count: 4', 'cuont: 4'),
      /^x\.yaml:5: task\.train\.cuont: unknown key "cuont", did you mean "count"\?/,
    ],
    [
      VALID.replace('learningRate: 0.001', 'learningrate: 0.001'),
      /objectives\.sft\.optimizer\.learningrate: .*"learningRate"/,
    ],
    [
      VALID.replace('objective: sft', 'objective: stf'),
      /^x\.yaml:16: arms\[0\]\.objective: unknown objective "stf", did you mean "sft"\?/,
    ],
    [
      VALID.replace('judge: self', 'judge: slef'),
      /signals\.judged\.judge: unknown judge "slef", did you mean "self"\?/,
    ],
    [VALID.replace('count: 4', 'count: 0'), /task\.train\.count: .*empty/],
    [`${VALID}sampling: { samples: 1 }\n`, /sampling\.samples: must be at least 2.*signal "judged"/],
    [
      VALID.replace('kind: chain-sum', 'kind: chainsum'),
      /task\.kind: must have a "kind": "chain-sum", "gsm8k", "jsonl" or "parquet"/,
    ],
    [VALID.replace('steps: 10', 'steps: -1'), /objectives\.sft\.steps: too small/],
    [VALID.replace('model: some-id\n', ''), /model: is missing/],
    [VALID.replace('seed: 1, count', 'seed: one, count'), /task\.train\.seed: .*expected/i],
    [`${VALID}seeds: [1, 1]\n`, /seeds: must not repeat/],
    [
      VALID.replace('signal: entropy,', 'name: base, signal: entropy,'),
      /arms\[0\]\.name: "base" is the untrained model/,
    ],
    [
      VALID.replace('steps: 10', 'steps: 10, selection: { snapshotEverySteps: 5 }'),
      /task\.development: is missing/,
    ],
    ['name: [', /^x\.yaml: /],
    ['', /is missing/],
  ])('is refused with one line that says where and what %#', (text, line) => {
    expect(refusal(text)).toMatch(line);
  });

  it('takes panels, combinations and length-residualised signals, and refuses what they name wrongly', () => {
    const signals = (lines: string): string =>
      VALID.replace(
        '  self: { backend: generator }',
        '  self: { backend: generator }\n  rubric: { backend: rubric }',
      ).replace('  judged:', `${lines}\n  judged:`);
    const all = signals(`  panel: { method: panel, judges: [self, rubric] }
  top: { method: inverse-top-entropy, residualiseLength: true }
  probable: { method: mean-logprob, reversed: true }
  mix: { method: combination, parts: [{ signal: panel, weight: 2 }, { signal: top }] }`);
    expect(load(all).signals).toMatchObject({
      panel: { method: 'panel', judges: ['self', 'rubric'], reversed: false, residualiseLength: false },
      top: { residualiseLength: true },
      mix: {
        parts: [
          { signal: 'panel', weight: 2 },
          { signal: 'top', weight: 1 },
        ],
      },
      judged: { residualiseLength: false },
    });
    const wrong = (from: string, to: string): string => refusal(all.replace(from, to));
    expect(wrong('[self, rubric]', '[self, rubirc]')).toMatch(
      /signals\.panel\.judges\[1\]: unknown judge "rubirc", did you mean "rubric"\?/,
    );
    expect(wrong('[self, rubric]', '[self, self]')).toMatch(/judges\[1\]: names judge "self" again/);
    expect(wrong('[self, rubric]', '[self]')).toMatch(/judges: must name at least two judges/);
    expect(wrong('signal: panel,', 'signal: pannel,')).toMatch(/parts\[0\]\.signal: unknown signal "pannel"/);
    expect(wrong('signal: panel,', 'signal: mix,')).toMatch(
      /parts\[0\]\.signal: "mix" is a combination itself/,
    );
    expect(wrong('{ signal: top }', '{ signal: panel }')).toMatch(/names signal "panel" again/);
    expect(wrong('weight: 2 }, { signal: top }', 'weight: 0 }')).toMatch(/parts\[0\]\.weight: is 0/);
    expect(wrong('residualiseLength', 'residualizeLength')).toMatch(/did you mean "residualiseLength"\?/);
    expect(wrong('mean-logprob', 'mean-log-prob')).toMatch(/signals\.probable\.method: must have a "method"/);
  });

  it('takes the parameters of reasoning-gym by their names', () => {
    const easy = 'easy: { seed: 2, count: 4, terms: [2, 3], max: [9, 20] }';
    const gym = (split: string): string => VALID.replace(easy, `easy: ${split}`);
    const { task } = load(gym('{ seed: 2, size: 50, minTerms: 4, allowNegation: true }'));
    expect(task.easy).toEqual({
      seed: 2,
      size: 50,
      minTerms: 4,
      maxTerms: 6,
      minDigits: 1,
      maxDigits: 4,
      allowNegation: true,
    });
    expect(task.train).toMatchObject({ count: 4, terms: [2, 3] });
    expect(refusal(gym('{ seed: 2, size: 50, minDigit: 3 }'))).toMatch(
      /^x\.yaml:6: task\.easy\.minDigit: unknown key "minDigit", did you mean "minDigits"\?/,
    );
    expect(refusal(gym('{ seed: 2, minDigits: 5 }'))).toMatch(
      /^x\.yaml:6: task\.easy\.maxDigits: must be at least/,
    );
    expect(refusal(gym('{ size: 5 }'))).toMatch(/^x\.yaml:6: task\.easy\.seed: is missing/);
    expect(refusal(gym('{ seed: 2, count: 5, minTerms: 3 }'))).toMatch(
      /task\.easy\.count: unknown key "count"/,
    );
  });

  it('takes questions of GSM8K and of files, with paths of its own folder or of the hub', () => {
    const task = (lines: string): string => VALID.replace(/task:[^]*?judges:/, `task:\n${lines}\njudges:`);
    const gsm8k = task(`  kind: gsm8k
  verifier: ./mine.ts
  examples: { count: 4 }
  train: { split: train, count: 200, seed: 1 }
  easy: { split: test, steps: [2, 3] }
  hard: { split: test, steps: [5, 8], offset: 10 }`);
    expect(load(gsm8k).task).toMatchObject({
      verifier: '/nowhere/mine.ts',
      prompt: expect.stringContaining('\\boxed{}'),
      examples: { count: 4, seed: 0 },
      train: { split: 'train', count: 200, seed: 1, offset: 0 },
      hard: { steps: [5, 8], offset: 10 },
    });
    expect(load(stringify({ ...load(gsm8k), arms: [] })).task).toEqual(load(gsm8k).task);
    expect(refusal(gsm8k.replace('split: train', 'split: dev'))).toMatch(/task\.train\.split: /);
    expect(refusal(gsm8k.replace('steps: [2, 3]', 'step: [2, 3]'))).toMatch(/did you mean "steps"\?/);
    expect(refusal(gsm8k.replace('[2, 3]', '[3, 2]'))).toMatch(/task\.easy\.steps: must be \[fewest, most\]/);
    const parquet = task(`  kind: parquet
  fields: { question: prompt, answer: solution }
  train: { path: hf://datasets/some/data/train.parquet }
  easy: { path: easy.parquet }
  hard: { path: /data/hard.parquet, count: 5 }`);
    expect(load(parquet).task).toMatchObject({
      fields: { question: 'prompt', answer: 'solution' },
      train: { path: 'hf://datasets/some/data/train.parquet' },
      easy: { path: '/nowhere/easy.parquet' },
      hard: { path: '/data/hard.parquet', count: 5 },
    });
    expect(refusal(parquet.replace('hf://datasets/some', 'hf://models'))).toMatch(
      /task\.train\.path: hf:.*expected hf/,
    );
    expect(refusal(parquet.replace('answer: solution', 'anwser: solution'))).toMatch(
      /did you mean "answer"\?/,
    );
  });

  it('wants a model folder that is whole, unless generator and trainer run elsewhere', () => {
    const folder = mkdtempSync(join(tmpdir(), 'overtone-config-'));
    const local = VALID.replace(/services:.*\n/, '').replace('some-id', 'model');
    expect(refusal(local, folder)).toMatch(/x\.yaml:2: model: there is no folder/);
    mkdirSync(join(folder, 'model'));
    writeFileSync(join(folder, 'model', 'config.json'), '{}');
    expect(refusal(local, folder)).toMatch(/lacks tokenizer\.json and \*\.safetensors \(the weights\)/);
    writeFileSync(join(folder, 'model', 'tokenizer.json'), '{}');
    writeFileSync(join(folder, 'model', 'model.safetensors'), 'x');
    expect(load(local, folder).model).toBe(join(folder, 'model'));
    expect(load(VALID, folder).model).toBe('some-id');
  });

  it('says how the generator is started, and refuses what contradicts itself', () => {
    expect(load(VALID).generator).toEqual({ backend: 'engine' });
    const alone = VALID.replace("generator: 'host:1', ", '')
      .replace(/judges:\n.*\n/, '')
      .replace(/  judged:.*\n/, '');
    const server = (section: string): string => `${alone}generator: { backend: openai, ${section} }\n`;
    const trained = server("baseUrl: 'http://host:8000/v1', entropy: top-k");
    expect(load(trained).generator).toMatchObject({ concurrency: 32, topLogprobs: 20, entropy: 'top-k' });
    expect(load(trained).model).toBe('some-id');
    expect(refusal(server('baseUrl: host'))).toMatch(/generator\.baseUrl: must be an address like http/);
    expect(refusal(server("baseUrl: 'http://h', modle: x"))).toMatch(
      /unknown key "modle", did you mean "model"/,
    );
    expect(refusal(server("baseUrl: 'http://h', entropy: none"))).toMatch(
      /generator\.entropy: is none, but signal "entropy" is made of entropies/,
    );
    expect(refusal(`${VALID}generator: { backend: openai, baseUrl: 'http://h' }\n`)).toMatch(
      /generator: says how to start a generator, but services\.generator says that one runs at host:1/,
    );
    expect(refusal(`${VALID}generator: { backend: vllm }\n`)).toMatch(/"backend": "engine" or "openai"/);
  });

  it('says what the engine runs on, and nothing where the default is meant', () => {
    expect(load(VALID)).not.toHaveProperty('engine');
    const on = (section: string): string => `${VALID}engine: { ${section} }\n`;
    expect(load(on('precision: float16, threads: 2')).engine).toEqual({
      device: 'cpu',
      precision: 'float16',
      threads: 2,
    });
    expect(refusal(on('device: rocm'))).toMatch(/engine\.device: .*"cpu"\|"cuda"\|"webgpu"/);
    expect(refusal(on('precison: float16'))).toMatch(/unknown key "precison", did you mean "precision"/);
  });

  it('attenuates where the arm or its objective says so, and refuses where nothing can be attenuated', () => {
    const objectives = (settings: string): string =>
      VALID.replace(
        'arms:',
        `  two: { ${settings}, optimizer: { learningRate: 1 }, steps: 1, groupsPerStep: 1 }\narms:`,
      );
    const arm = (text: string, settings: string): string =>
      text.replace('objective: sft }', `objective: sft }\n  - { signal: judged, objective: two${settings} }`);
    const attenuated = (text: string): (string | undefined)[] =>
      load(text).arms.map(({ objective }) => objective.attenuate);
    expect(attenuated(VALID)).toEqual([undefined]);
    expect(attenuated(arm(objectives('type: dpo, attenuate: auto'), ''))).toEqual([undefined, 'auto']);
    expect(attenuated(arm(objectives('type: dpo'), ', attenuate: auto'))).toEqual([undefined, 'auto']);
    expect(attenuated(arm(objectives('type: rrhf, attenuate: auto'), ', attenuate: off'))).toEqual([
      undefined,
      'off',
    ]);
    // An experiment without the setting is written out as it was before the setting came.
    expect(stringify(load(VALID))).not.toMatch(/attenuate|labelSmoothing|lossType/);
    expect(refusal(arm(objectives('type: sft, choose: random'), ', attenuate: auto'))).toMatch(
      /^x\.yaml:\d+: arms\[1\]\.attenuate: is auto, but with choose: random scores decide nothing/,
    );
    expect(refusal(arm(objectives('type: dpo, labelSmoothing: 0.1, attenuate: auto'), ''))).toMatch(
      /objectives\.two\.attenuate: is auto, .*labelSmoothing is 0\.1; give one of them/,
    );
    expect(refusal(objectives('type: dpo, labelSmoothing: 0.5'))).toMatch(/objectives\.two\.labelSmoothing/);
    expect(attenuated(arm(objectives('type: simpo, attenuate: auto'), ''))).toEqual([undefined, 'auto']);
    for (const type of ['orpo', 'kto', 'plackett-luce', 'grpo'])
      expect(refusal(arm(objectives(`type: ${type}`), ', attenuate: auto'))).toMatch(
        new RegExp(`arms\\[1\\]\\.attenuate: is auto, but nothing in ${type} takes the flip rate`),
      );
  });

  it('knows every objective by its name, with the defaults of its paper, and refuses settings out of range', () => {
    const two = (settings: string): string =>
      VALID.replace(
        'arms:',
        `  two: { ${settings}, optimizer: { learningRate: 1 }, steps: 1, groupsPerStep: 1 }\narms:`,
      );
    const read = (settings: string) => load(two(settings)).objectives['two'];
    expect(read('type: simpo')).toMatchObject({ beta: 2, simpoGamma: 1 });
    expect(read('type: orpo')).toMatchObject({ beta: 0.1 });
    expect(read('type: kto')).toMatchObject({ beta: 5, desirableWeight: 1, undesirableWeight: 1 });
    expect(read('type: plackett-luce')).toMatchObject({ beta: 5 });
    expect(read('type: grpo')).toMatchObject({ lossType: 'dapo', epsilon: 0.2, beta: 0 });
    expect(refusal(two('type: grpo, lossType: rloo, importanceSamplingLevel: token'))).toMatch(
      /two\.importanceSamplingLevel: is token, but rloo has one ratio for each solution/,
    );
    expect(read('type: dpo, lossType: sigmoid_norm, scoreMargin: 0.5')).toMatchObject({ scoreMargin: 0.5 });
    expect(read('type: sft, choose: top-k, k: 3')).toMatchObject({ k: 3 });
    expect(refusal(two('type: dpo, lossType: ippo'))).toMatch(/two\.lossType: .*"hinge"\|"ipo"/);
    expect(refusal(two('type: grpo, epsilon: 1'))).toMatch(/two\.epsilon/);
    expect(refusal(two('type: kto, undesirableWeight: 0'))).toMatch(/two\.undesirableWeight/);
    expect(refusal(two('type: simpo, simpo_gamma: 1'))).toMatch(
      /unknown key "simpo_gamma", did you mean "simpoGamma"/,
    );
    expect(refusal(two('type: sft, k: 3'))).toMatch(/two\.k: is 3, but only choose: top-k takes it/);
    expect(refusal(two('type: ppo'))).toMatch(/"simpo", "orpo", "kto", "plackett-luce" or "grpo"/);
  });

  it('takes more or fewer seeds from the command line', () => {
    const seedsFor = (seeds: number): number[] =>
      parseExperiment(`${VALID}seeds: [3, 1]\n`, { file: 'x', folder: '/' }, { seeds }).seeds;
    expect(seedsFor(1)).toEqual([3]);
    expect(seedsFor(4)).toEqual([3, 1, 4, 5]);
  });

  it('says the same when it is written out resolved and read again', () => {
    const { arms: _, ...experiment } = load(VALID);
    const again = load(stringify({ ...experiment, arms: [{ signal: 'entropy', objective: 'sft' }] }));
    expect(again).toEqual(load(VALID));
  });

  it('the recipe of the miniature is valid', () => {
    const recipe = fileURLToPath(new URL('../../recipes/miniature.yaml', import.meta.url));
    const file: unknown = parse(readFileSync(recipe, 'utf8'), { merge: true });
    if (typeof file !== 'object' || file === null) throw new Error('no mapping');
    const remote = { ...file, services: { generator: 'host:1', trainer: 'host:2' } };
    const names = load(stringify(remote)).arms.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['sft/random', 'sft/entropy', 'dpo/reversed-judge', 'rrhf-bt/entropy']),
    );
  });
});
