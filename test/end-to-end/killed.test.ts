// A run that loses its trainer, its generator or itself to SIGKILL ends with the numbers of an undisturbed one.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Run, startRun, writeExperiment } from './small-experiment.fixture.ts';

let folder = '';

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

let undisturbed: Promise<number | null>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-killed-'));
  await writeExperiment(folder);
  // Beside the first of the others: each has its own folder and its own services.
  undisturbed = startRun(folder, 'undisturbed').ended;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('after SIGKILL', () => {
  it(
    'of the trainer, and of the generator, the run goes on and finds the same',
    { timeout: 240_000 },
    async () => {
      const run = startRun(folder, 'services');
      for (const [service, moment] of [
        ['trainer', /^train: [1-9]/],
        ['generator', /^evaluate: [1-9]/],
      ] as const) {
        await run.sees(moment);
        process.kill(serviceOf(run, service), 'SIGKILL');
        await run.sees(new RegExp(`^service ${service} died`));
      }
      expect(await run.ended).toBe(0);
      expect(await undisturbed).toBe(0);
      expect(await findings('services')).toEqual(await findings('undisturbed'));
    },
  );

  it(
    'of the run itself, no service stays behind, and the same command finds the same',
    { timeout: 240_000 },
    async () => {
      // In its first round, and in the second, after which an arm has samples of its own.
      for (const moment of [/^train: [1-9]/, /seed 1 round 2: \d+ of 24 training questions are saturated/]) {
        const run = startRun(folder, 'itself');
        await run.sees(moment);
        const trainer = serviceOf(run, 'trainer');
        run.process.kill('SIGKILL');
        await run.ended;
        await expect.poll(() => isAlive(trainer), { timeout: 15_000 }).toBe(false);
      }
      expect(await startRun(folder, 'itself').ended).toBe(0);
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
