import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Supervisor } from '@overtone/experiment';
import { type EvaluationResult, readResults } from '@overtone/experiment/evaluation';
import { initialAdapter, type LoraConfig, readDecoderConfig, writeAdapter } from '@overtone/language-model';
import { InputError, loadEvaluationTask } from '@overtone/experiment/prepare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkEvaluation } from './eval-check.ts';
import type { EvalFlags } from './eval-program.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../miniature/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'overtone-eval-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function overtone(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'eval', ...words], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

/** A task of chain sums. */
function sums(count: number): string {
  return `{kind: chain-sum, seed: 5, count: ${count}, terms: [2, 4], max: 20, nonNegative: true}`;
}

const small = ['--model', 'miniature', '--samples', '2', '--max-new-tokens', '64'];

/** Writes an adapter whose second matrices are not zero, so that it changes what the model says. */
async function adapterIn(path: string, hiddenSize?: number, tilt = 1 / 8): Promise<void> {
  const lora: LoraConfig = { r: 2, alpha: 8, targetModules: ['q_proj', 'down_proj'] };
  const config = { ...(await readDecoderConfig(model)), ...(hiddenSize === undefined ? {} : { hiddenSize }) };
  const parameters = new Map(
    [...initialAdapter(config, lora, 1)].map(([name, { shape, data }]) => [
      name,
      {
        shape,
        data: name.includes('lora_B') ? Float32Array.from(data, (_, at) => Math.sin(at) * tilt) : data,
      },
    ]),
  );
  await writeAdapter(path, { lora, parameters }, model);
}

function parse(stdout: string): EvaluationResult {
  return JSON.parse(stdout) as EvaluationResult;
}

const supervisor = new Supervisor();
/** The address of a generator that runs elsewhere, with the store of "remote". */
let generator = '';
afterAll(() => supervisor.stop());

beforeAll(async () => {
  generator = await supervisor.start('generator', {
    OVERTONE_MODEL: model,
    OVERTONE_ARTIFACTS: pathToFileURL(join(folder, 'remote', 'artifacts')).href,
    OVERTONE_WORKERS: '1',
  });
  await adapterIn(join(folder, 'tilted'));
  await adapterIn(join(folder, 'foreign'), 32);
  await adapterIn(join(folder, 'unknown'), undefined, 1 / 4);
  writeFileSync(join(folder, 'none.jsonl'), '');
  writeFileSync(join(folder, 'sums.jsonl'), '{"question": "1 + 2", "answer": "3"}\n');
  writeFileSync(join(folder, 'other.jsonl'), '{"question": "1 + 2"}\n');
});

const plain: EvalFlags = { adapter: [], against: [], dryRun: false, json: false };
const tiny: EvalFlags = { ...plain, model: 'miniature', samples: 2 };
const at = (name: string): string => join(folder, name);

describe('overtone eval', () => {
  it.each<[string, () => string, () => EvalFlags, RegExp]>([
    ['no model', () => at('sums.jsonl'), () => plain, /which model\? Give --model/],
    ['no questions', () => at('none.jsonl'), () => tiny, /none\.jsonl: no problems/],
    ['no such task', () => 'gsm9k', () => tiny, /gsm9k: there is no such task; give an experiment/],
    [
      'an unknown key',
      () => sums(4).replace('seed', 'sead'),
      () => tiny,
      /^the task: sead: unknown key "sead", did you mean "seed"/,
    ],
    ['a task without a kind', () => '{seed: 1}', () => tiny, /must have a "kind"/],
    [
      'a prompt without its place',
      () => sums(4),
      () => ({ ...tiny, prompt: 'Solve!' }),
      /must contain "\{question\}"/,
    ],
    [
      'more than is sampled',
      () => sums(4),
      () => ({ ...tiny, k: [1, 4] }),
      /--k: 4 is more than the 2 samples/,
    ],
    [
      'another model’s adapter',
      () => sums(4),
      () => ({ ...tiny, adapter: [at('foreign')] }),
      /--adapter: .*the adapter belongs to another model/,
    ],
    [
      'an adapter that is none',
      () => sums(4),
      () => ({ ...tiny, adapter: ['no/such/adapter'] }),
      /--adapter: no\/such\/adapter: there is no such adapter folder/,
    ],
    [
      'two of a name',
      () => sums(4),
      () => ({ ...tiny, adapter: [`base=${at('tilted')}`] }),
      /two systems are called "base"/,
    ],
    [
      'a split of what has none',
      () => sums(4),
      () => ({ ...tiny, split: ['hard'] }),
      /only an experiment has splits/,
    ],
    [
      'the base against itself',
      () => sums(4),
      () => ({ ...tiny, against: ['base'] }),
      /the base is what is measured/,
    ],
    ['a model that is none', () => sums(4), () => ({ ...tiny, model: folder }), /--model: .*config\.json/],
  ])('refuses %s', async (_, task, flags, line) => {
    const refused = checkEvaluation(task(), flags(), AbortSignal.timeout(30_000));
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(line);
  });

  it('ends with one line and exit code 2, and writes nothing, when it refuses what it has begun with', async () => {
    const outcomes = await Promise.all([
      overtone(sums(4), ...small, '--against', 'other.jsonl'),
      overtone(sums(4), ...small, '--adapter', 'a'.repeat(64), '--store', 'elsewhere/store'),
    ]);
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual([
      [2, ''],
      [2, ''],
    ]);
    const [file, artifact] = outcomes.map(({ stderr }) => stderr);
    expect(file).toMatch(/^overtone: other\.jsonl, line 1: .*"overtone eval --out" wrote\n$/);
    expect(artifact).toMatch(/^overtone: adapter a{64} is not in .*give the --store that holds it.*\n$/);
    expect(['runs', 'elsewhere'].map((name) => existsSync(at(name)))).toEqual([false, false]);
  }, 120_000);

  it('measures an adapter against the base, and costs nothing when it is repeated', async () => {
    const words = [sums(20), ...small, '--adapter', 'tilted', '--store', 'store'];
    const planned = await overtone(...words, '--dry-run', '--json');
    expect(planned.code).toBe(0);
    expect(JSON.parse(planned.stdout)).toMatchObject({
      questions: { '': 20 },
      systems: [
        { name: 'base', solutions: 40, known: 0 },
        { name: 'tilted', solutions: 40, known: 0 },
      ],
      tokens: 80 * 64,
    });
    expect(existsSync(join(folder, 'store'))).toBe(false);

    const first = await overtone(...words, '--out', 'first.jsonl', '--json');
    expect(first.code).toBe(0);
    const result = parse(first.stdout);
    expect(result.solutions).toEqual({ sampled: 80, known: 0 });
    expect(result.statistics).toMatchObject({ seed: 0, correction: 'holm', references: ['base'] });
    const [base, tilted] = result.sets[0]?.systems ?? [];
    expect([base?.name, tilted?.name, base?.against]).toEqual(['base', 'tilted', {}]);
    expect(base?.accuracy.avg).toBeGreaterThan(0.5);
    expect(base?.levels.map(({ difficulty }) => difficulty)).toEqual([
      'terms=2,max=20',
      'terms=3,max=20',
      'terms=4,max=20',
    ]);
    const shares = base?.styles.map(({ share }) => share.value) ?? [];
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(tilted?.against['base']?.value).toBeCloseTo(
      (tilted?.accuracy.avg ?? NaN) - (base?.accuracy.avg ?? NaN),
      12,
    );
    expect(tilted?.against['base']?.pHolm).toBe(tilted?.against['base']?.pValue);

    const again = await overtone(...words);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('Nothing was sampled: all 80 solutions were in store/artifacts.');
    expect(again.stdout).toMatch(/tilted\s+− base/);
    expect(again.stderr).not.toContain('services');

    // A later evaluation of the base alone against the adapter's results in the file; another seed is another evaluation.
    const turned = await overtone(
      sums(20),
      ...small,
      '--store',
      'store',
      '--json',
      '--against',
      'first.jsonl#tilted',
    );
    const [file, measured] = parse(turned.stdout).sets[0]?.systems ?? [];
    expect(file).toMatchObject({
      name: 'first#tilted',
      adapter: tilted?.adapter,
      accuracy: tilted?.accuracy,
    });
    expect(measured?.against['first#tilted']?.value).toBeCloseTo(
      -(tilted?.against['base']?.value ?? NaN),
      12,
    );
    const twenty = await loadEvaluationTask(sums(20));
    await expect(readResults(at('first.jsonl'), twenty)).rejects.toThrow(
      /holds results of base, tilted; name one/,
    );
    const more = await loadEvaluationTask(sums(21));
    await expect(readResults(`${at('first.jsonl')}#base`, more)).rejects.toThrow(
      /was made of other questions: it lacks/,
    );
  }, 120_000);

  it('killed and started again, samples only the rest, and writes the same results', async () => {
    const words = [sums(40), ...small.slice(2), '--generator', generator];
    const child = spawn(process.execPath, [main, 'eval', ...words, '--out', 'killed'], {
      cwd: folder,
      stdio: 'ignore',
    });
    const keys = (): number => {
      const path = join(folder, 'killed', 'artifacts', 'keys');
      return existsSync(path)
        ? readdirSync(path, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).length
        : 0;
    };
    while (keys() < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(join(folder, 'killed', 'results.jsonl'))).toBe(false);
    const again = await overtone(...words, '--out', 'killed', '--json');
    expect(again.code).toBe(0);
    const { sampled, known } = parse(again.stdout).solutions;
    expect(known).toBeGreaterThanOrEqual(32);
    expect(sampled + known).toBe(80);
    expect(JSON.parse(readFileSync(join(folder, 'killed', 'evaluation.json'), 'utf8'))).toEqual(
      parse(again.stdout),
    );
    const whole = await overtone(...words, '--out', 'whole.jsonl', '--store', 'whole');
    expect(whole.code).toBe(0);
    expect(readFileSync(join(folder, 'killed', 'results.jsonl'), 'utf8')).toBe(
      readFileSync(join(folder, 'whole.jsonl'), 'utf8'),
    );
  }, 120_000);

  it('stops when it is interrupted, with exit code 130', async () => {
    const child = spawn(process.execPath, [main, 'eval', sums(200), ...small, '--store', 'stopped'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (!said.includes('evaluate:') && chunk.includes('evaluate:')) child.kill('SIGINT');
      said += chunk.toString();
    });
    expect(await once(child, 'exit')).toEqual([130, null]);
    expect(said).toContain('interrupted; the same command continues where it stopped');
  }, 120_000);

  it('samples from a generator that runs elsewhere, and says what it refuses', async () => {
    const words = [sums(6), ...small.slice(2), '--generator', generator, '--json'];
    const remote = await overtone(...words, '--store', 'remote', '--adapter', 'tilted');
    expect(remote.code).toBe(0);
    expect(parse(remote.stdout).solutions).toEqual({ sampled: 24, known: 0 });
    const here = await overtone(sums(6), ...small, '--store', 'remote', '--adapter', 'tilted', '--json');
    expect(parse(here.stdout)).toMatchObject({ solutions: { sampled: 0, known: 24 } });
    expect(parse(here.stdout).sets[0]?.systems).toEqual(parse(remote.stdout).sets[0]?.systems);
    const apart = await overtone(...words, '--store', 'apart', '--adapter', 'unknown', '--against', 'none');
    expect([apart.code, apart.stderr]).toEqual([
      2,
      expect.stringMatching(/adapter \w{64} is not in .*remote.*must share one artifact store/),
    ]);
  }, 120_000);
});
