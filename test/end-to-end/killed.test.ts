// A run that loses its trainer, its generator or itself to SIGKILL ends with the numbers of an undisturbed one.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));

const EXPERIMENT = `
name: killed
model: ${model}
task:
  kind: chain-sum
  train: { seed: 1, count: 48, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: 2, count: 12, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: 3, count: 24, terms: [7, 8], max: 20, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 128, seed: 1, chunk: 8 }
judges:
  rubric: { backend: rubric }
audit: { judge: rubric }
signals:
  entropy: { method: inverse-entropy }
  external-judge: { method: bradley-terry, judge: rubric }
objectives:
  sft: { type: sft, steps: 60, groupsPerStep: 8, optimizer: { learningRate: 5.0e-4 } }
  dpo: { type: dpo, steps: 40, groupsPerStep: 8, optimizer: { learningRate: 3.0e-4 } }
arms:
  - { signal: entropy, objective: sft }
  - { signal: external-judge, objective: dpo }
evaluation: { samples: 4, maxNewTokens: 128, seed: 2 }
`;

let folder = '';

interface Run {
  readonly process: ChildProcess;
  /** Resolves when a line of progress matches. */
  readonly sees: (pattern: RegExp) => Promise<void>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

function start(out: string): Run {
  const process_ = spawn(
    process.execPath,
    [cli, 'run', join(folder, 'experiment.yaml'), '--out', join(folder, out)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const lines: string[] = [];
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  createInterface(process_.stderr).on('line', (line) => {
    lines.push(line);
    for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve();
  });
  return {
    process: process_,
    sees: (pattern) =>
      new Promise((resolve, reject) => {
        if (lines.some((line) => pattern.test(line))) resolve();
        waiting.push({ pattern, resolve });
        process_.once('exit', () =>
          reject(new Error(`the run ended before ${pattern}:\n${lines.join('\n')}`)),
        );
      }),
    ended: once(process_, 'exit').then(([code]: (number | null)[]) => code ?? null),
  };
}

/** The process of a service that a run has started. */
function serviceOf(run: Run, service: string): number {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  for (const line of table.split('\n')) {
    const [, pid, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (Number(parent) === run.process.pid && command.includes(`services/${service}/`)) return Number(pid);
  }
  throw new Error(`the run has no ${service}:\n${table}`);
}

/** What a run found, without what depends on time and place. */
async function findings(out: string): Promise<Record<string, unknown>> {
  const report = JSON.parse(await readFile(join(folder, out, 'report.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  return Object.fromEntries(
    Object.entries(report).filter(([key]) => !['timings', 'name', 'version'].includes(key)),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-killed-'));
  await writeFile(join(folder, 'experiment.yaml'), EXPERIMENT);
  expect(await start('undisturbed').ended).toBe(0);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('after SIGKILL', () => {
  for (const [service, moment] of [
    ['trainer', /^train: [1-9]/],
    ['generator', /^evaluate: [1-9]/],
  ] as const) {
    it(`of the ${service}, the run goes on and finds the same`, { timeout: 120_000 }, async () => {
      const run = start(service);
      await run.sees(moment);
      process.kill(serviceOf(run, service), 'SIGKILL');
      expect(await run.ended).toBe(0);
      expect(await findings(service)).toEqual(await findings('undisturbed'));
    });
  }

  it(
    'of the run itself, no service stays behind, and the same command finds the same',
    { timeout: 120_000 },
    async () => {
      const run = start('itself');
      await run.sees(/^train: [1-9]/);
      const trainer = serviceOf(run, 'trainer');
      run.process.kill('SIGKILL');
      await run.ended;
      await expect.poll(() => isAlive(trainer), { timeout: 15_000 }).toBe(false);
      expect(await start('itself').ended).toBe(0);
      expect(await findings('itself')).toEqual(await findings('undisturbed'));
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
