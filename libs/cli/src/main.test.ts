import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

interface Outcome {
  code: number | string;
  stdout: string;
  stderr: string;
}

function overtone(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...words], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

const EXPERIMENT = `name: test
model: model
task:
  kind: chain-sum
  train: { seed: 1, count: 4, terms: [2, 3], max: 9 }
  easy: { seed: 2, count: 4, terms: [2, 3], max: 9 }
  hard: { seed: 3, count: 4, terms: [7, 8], max: 20 }
judges: { self: { backend: generator } }
signals: { judged: { method: wins, judge: self } }
objectives:
  sft: { type: sft, optimizer: { learningRate: 0.001 }, steps: 10, groupsPerStep: 4 }
arms: [{ signal: judged, objective: sft }]
`;

/** A folder with an experiment and a model folder that has these files. */
function place(text: string, files = ['config.json', 'tokenizer.json', 'model.safetensors']): string {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-cli-'));
  writeFileSync(join(folder, 'experiment.yaml'), text);
  mkdirSync(join(folder, 'model'));
  for (const file of files) writeFileSync(join(folder, 'model', file), 'x');
  return folder;
}

describe('overtone', () => {
  it.each([
    [
      'an unknown key',
      EXPERIMENT.replace('signals', 'signalz'),
      undefined,
      /unknown key "signalz", did you mean "signals"/,
    ],
    ['an empty task', EXPERIMENT.replace('count: 4', 'count: 0'), undefined, /task\.train\.count: .*empty/],
    [
      'one sample for pairs',
      `${EXPERIMENT}sampling: { samples: 1 }`,
      undefined,
      /samples: must be at least 2/,
    ],
    [
      'a model that is none',
      EXPERIMENT,
      undefined,
      /service generator did not start: generator: .*config\.json/,
    ],
    ['no weights', EXPERIMENT, ['config.json', 'tokenizer.json'], /lacks \*\.safetensors/],
    [
      'an unknown device',
      `${EXPERIMENT}engine: { device: rocm }`,
      undefined,
      /engine\.device: .*"cpu"\|"cuda"/,
    ],
    [
      'a device that is not there',
      `${EXPERIMENT}engine: { device: cuda }`,
      undefined,
      /engine\.device: cuda is not available: .* It needs: /,
    ],
    [
      'too few questions',
      EXPERIMENT.replace('count: 4', 'count: 9999'),
      undefined,
      /task\.train: .*distinct questions/,
    ],
  ])('refuses %s with one line and exit code 2, and writes nothing', async (_, text, files, line) => {
    const folder = place(text, files);
    const out = join(folder, 'out');
    const { code, stdout, stderr } = await overtone('run', join(folder, 'experiment.yaml'), '--out', out);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect([code, stdout, existsSync(out)]).toEqual([2, '', false]);
  });

  it('refuses a folder that holds something else', async () => {
    const folder = place(EXPERIMENT);
    const out = join(folder, 'model');
    const { code, stderr } = await overtone('run', join(folder, 'experiment.yaml'), '--out', out);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('is not empty and holds no run; give another --out'),
    ]);
    const build = await overtone('miniature', 'build', '--out', out);
    expect([build.code, build.stderr]).toEqual([2, expect.stringContaining('is not empty')]);
    expect(readdirSync(folder).sort()).toEqual(['experiment.yaml', 'model']);
  });

  it('refuses options that make no sense', async () => {
    const outcomes = await Promise.all([
      overtone('run', '--out', 'x'),
      overtone('demo', '--seeds', 'many'),
      overtone('miniature', 'build', '--out', 'x', '--styles', 'stpes=1'),
      overtone('dmeo'),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    for (const { stderr } of outcomes) expect(stderr.trimEnd()).not.toContain('\n');
    const [missing, seeds, styles, command] = outcomes.map(({ stderr }) => stderr);
    expect(missing).toMatch(/missing required argument 'experiment'/);
    expect(seeds).toMatch(/expected a whole number of at least 1/);
    expect(styles).toMatch(/the styles are steps, plan/);
    expect(command).toMatch(/Did you mean demo\?/);
  });

  it('explains itself', async () => {
    const [help, run] = await Promise.all([overtone('--help'), overtone('run', '--help')]);
    expect(help.code).toBe(0);
    for (const word of ['demo', 'run', 'miniature']) expect(help.stdout).toContain(word);
    expect(run.stdout).toContain('overtone run experiment.yaml --out runs/first');
  });
});
