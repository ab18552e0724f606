import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../miniature/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'overtone-train-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function overtone(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'train', ...words], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

/** A data set of groups with these scores. */
function dataset(name: string, scores: readonly (readonly number[])[]): string {
  const path = join(folder, name);
  const lines = scores.map((group, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + 2` }],
    solutions: group.map((score) => ({ text: `${'So\n'.repeat(score + 1)}\\boxed{${index + 2}}`, score })),
  }));
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

const good = dataset(
  'good.jsonl',
  Array.from({ length: 12 }, () => [0, 1, 2]),
);
const dpo = ['--model', model, '--objective', 'dpo', '--learning-rate', '1e-3'];

describe('overtone train', () => {
  it.each([
    [
      'ties',
      [
        [1, 1],
        [2, 2],
      ],
      dpo,
      /none of the 2 groups has anything .* 2 have equal scores \(g0, g1\)/,
    ],
    ['groups of one', [[1], [2], [0], [1]], dpo, /4 have one solution \(g0, g1, g2 and 1 more\)/],
    [
      'long completions',
      [
        [0, 1],
        [0, 9],
      ],
      [...dpo, '--max-length', '16'],
      /1 of 2 groups have a longer sequence: g1 \(\d+ tokens\); max_length is 16 tokens, raise it/,
    ],
    ['an unknown key', [[0, 1]], [...dpo, '--set', 'lora.rank=8'], /objective: lora.*unknown key "rank"/],
    ['no learning rate', [[0, 1]], dpo.slice(0, 4), /objective: optimizer.*missing/],
    ['no objective', [[0, 1]], dpo.slice(0, 2), /needs --objective <type>, or --config/],
  ])('refuses %s with one line and exit code 2, and writes nothing', async (name, scores, words, line) => {
    const out = join(folder, `${name}-out`);
    const data = dataset(`${name}.jsonl`, scores);
    const { code, stdout, stderr } = await overtone(data, ...words, '--out', out);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect([code, stdout, existsSync(out), existsSync(`${out}.training`)]).toEqual([2, '', false, false]);
  });

  it('says with --dry-run what it would do and take, and writes nothing', async () => {
    const before = readdirSync(folder);
    const { code, stdout } = await overtone(good, ...dpo, '--dry-run', '--json');
    expect(code).toBe(0);
    const forecast = JSON.parse(stdout) as {
      steps: number;
      groups: number;
      tokens: number;
      memory: { total: number };
      seconds: { step: number; total: number };
    };
    expect([forecast.steps, forecast.groups]).toEqual([2, 12]);
    expect(forecast.tokens).toBeGreaterThan(12 * 2 * 5);
    expect(forecast.memory.total).toBeGreaterThan(1e8);
    expect(forecast.seconds.total).toBeGreaterThan(2 * forecast.seconds.step);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('trains on frozen weights of eight bits with --precision int8, and needs a fraction of their memory', async () => {
    const [full, int8] = await Promise.all(
      ['float32', 'int8'].map(async (precision) => {
        const words = [good, ...dpo, '--set', 'lora.r=2', '--precision', precision];
        const forecast = await overtone(...words, '--dry-run', '--json');
        const out = join(folder, `in-${precision}`);
        const { code, stderr } = await overtone(...words, '--out', out, '--json');
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        const rows = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
        return {
          weights: (JSON.parse(forecast.stdout) as { memory: { weights: number } }).memory.weights,
          loss: (JSON.parse(rows.at(-1) ?? '') as { values: { loss: number } }).values.loss,
        };
      }),
    );
    if (!full || !int8) throw new Error('nothing was trained');
    expect(int8.weights / full.weights).toBeLessThan(0.3);
    expect(int8.loss).not.toBe(full.loss);
    expect(int8.loss).toBeCloseTo(full.loss, 1);
  });

  it('has one process a folder, and killed and started again, continues, and leaves the adapter of a training that was not', async () => {
    const words = [good, ...dpo, '--steps', '80', '--groups-per-step', '4', '--set', 'lora.r=2'];
    const whole = join(folder, 'whole');
    // Beside the one that is killed.
    const undisturbed = overtone(...words, '--out', whole);
    const out = join(folder, 'killed');
    const child = spawn(process.execPath, [main, 'train', ...words, '--out', out], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    while (!existsSync(join(`${out}.training`, 'train.lock'))) await pause(5);
    child.kill('SIGSTOP');
    const second = await overtone(...words, '--out', out);
    expect([second.code, second.stdout, second.stderr]).toEqual([
      2,
      '',
      expect.stringMatching(
        new RegExp(
          `^overtone: process ${child.pid} on .* is at work in .*killed\\.training; wait for it, or stop it\\n$`,
        ),
      ),
    ]);
    child.kill('SIGCONT');
    const metrics = (): string[] => {
      const inside = existsSync(`${out}.training`) ? readdirSync(`${out}.training`, { recursive: true }) : [];
      const path = inside.find((name) => String(name).endsWith('metrics.jsonl'));
      return path === undefined
        ? []
        : readFileSync(join(`${out}.training`, String(path)), 'utf8').split('\n');
    };
    while (metrics().length < 20) await pause(20);
    child.kill('SIGKILL');
    expect(existsSync(out)).toBe(false);
    const again = await overtone(...words, '--out', out);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('killed (80 steps')]);
    const { code, stdout } = await undisturbed;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Adapter: .*whole \(80 steps, last loss /)]);
    expect(readFileSync(join(whole, 'README.md'), 'utf8')).toMatch(
      /^---\nlibrary_name: peft\n[\s\S]*\*\*Objective\*\*: dpo\n[\s\S]*of step 80; last loss /,
    );
    expect(readdirSync(whole).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'metrics.jsonl',
      'tensorboard',
    ]);
    const weights = (at: string): string => readFileSync(join(at, 'adapter_model.safetensors'), 'hex');
    expect(weights(out)).toBe(weights(whole));
    expect(existsSync(`${out}.training`)).toBe(false);
  });
});
