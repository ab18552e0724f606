// Training killed with SIGKILL at random moments, fifty times, and continued each time: it ends in the same bits as undisturbed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '@overtone/statistics';

const program = fileURLToPath(new URL('training-process.fixture.ts', import.meta.url));
const processes: ChildProcess[] = [];
let folder = '';
let dataset = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-killed-'));
  dataset = join(folder, 'groups.jsonl');
  const groups = Array.from({ length: 7 }, (_, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + 2` }],
    solutions: [
      { text: `${index} + 2 = ${index + 2}\n\\boxed{${index + 2}}`, score: 1 },
      { text: `So\n\\boxed{${index + 2}}`, score: 0 },
    ],
  }));
  await writeFile(dataset, groups.map((group) => JSON.stringify(group)).join('\n'));
});

afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

interface Trainer {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly lines: string[];
  readonly output: Interface;
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
}

function start(mode: 'run' | 'jobs', at: string, checkpointSteps = 1): Trainer {
  const child = spawn(process.execPath, [program, mode, at, dataset, String(checkpointSteps)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // What was compiled once need not be compiled fifty times.
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  });
  processes.push(child);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  return { child, lines, output, ready: once(output, 'line'), ended: once(child, 'close') };
}

/** When to kill a process: some time after it was told to begin, or after its first step. */
interface Moment {
  readonly after: 'start' | 'step';
  readonly ms: number;
}

/** Lets a process run to its end, or kills it at a moment. Whether it came to its end. */
async function run(trainer: Trainer, moment?: Moment): Promise<boolean> {
  await trainer.ready;
  const stepped = once(trainer.output, 'line');
  trainer.child.stdin?.on('error', () => {});
  trainer.child.stdin?.write('go\n');
  if (moment !== undefined) {
    if (moment.after === 'step') await Promise.race([stepped, trainer.ended]);
    await Promise.race([delay(moment.ms), trainer.ended]);
    trainer.child.kill('SIGKILL');
  }
  await trainer.ended;
  return trainer.lines.at(-1) === 'done';
}

/** Every file of all snapshots, by path. */
async function snapshotsOf(run: string): Promise<Record<string, string>> {
  const at = join(run, 'snapshots');
  const names = (await readdir(at, { recursive: true })).filter((name) => /\.\w+$/.test(name)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(at, name), 'hex')] as const)),
  );
}

describe('training that is killed at random moments', () => {
  it('ends in the same bits: 44 kills of the loop', { timeout: 240_000 }, async () => {
    const straight = start('run', join(folder, 'straight'));
    expect(await run(straight)).toBe(true);
    const expected = await snapshotsOf(join(folder, 'straight'));
    expect(Object.keys(expected).filter((name) => name.endsWith('.safetensors'))).toHaveLength(5);
    let amidSteps = 0;
    // Two at a time: while one loads, the other one trains. One writes a checkpoint at every step, the other loses steps that it had taken.
    const chain = async (checkpointSteps: number): Promise<void> => {
      const random = seededRandom(`killed ${checkpointSteps}`);
      // A third while it loads, compiles and takes its first steps, the others in the middle of steps, checkpoints and snapshots.
      const moment = (): Moment =>
        random() < 1 / 3 ? { after: 'start', ms: 600 * random() } : { after: 'step', ms: 100 * random() };
      let kills = 0;
      for (let round = 0; kills < 22; round++) {
        const at = join(folder, `run-${checkpointSteps}-${round}`);
        for (let done = false; !done;) {
          const current = start('run', at, checkpointSteps);
          done = await run(current, kills < 22 ? moment() : undefined);
          if (!done) kills += 1;
          if (!done && current.lines.length > 1) amidSteps += 1;
        }
        expect(await snapshotsOf(at)).toEqual(expected);
      }
    };
    await Promise.all([chain(1), chain(3)]);
    // Most of them were in the middle of steps, not of loading.
    expect(amidSteps).toBeGreaterThan(10);
  });

  it(
    'ends in the same snapshots and the same metrics: 6 kills of a trainer with its jobs',
    { timeout: 240_000 },
    async () => {
      const straight = start('jobs', join(folder, 'straight-jobs'));
      expect(await run(straight)).toBe(true);
      const random = seededRandom('killed jobs');
      const at = join(folder, 'jobs');
      let next = start('jobs', at, 3);
      let last = next;
      for (let done = false, kills = 0; !done;) {
        last = next;
        next = start('jobs', at, 3);
        await next.ready;
        done = await run(last, kills < 6 ? { after: 'step', ms: 150 * random() } : undefined);
        if (!done) kills += 1;
      }
      next.child.kill('SIGKILL');
      // The line before "done" lists the snapshots with their hashes.
      expect(last.lines.at(-2)).toBe(straight.lines.at(-2));
      const losses = async (run: string): Promise<unknown> => {
        const jobs = join(folder, run, 'state', 'jobs');
        const [job = ''] = await readdir(jobs);
        const lines = (await readFile(join(jobs, job, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
        return lines.map((line) => {
          const { step, values } = JSON.parse(line) as { step: number; values: Record<string, number> };
          return [step, values['loss']];
        });
      };
      expect(await losses('jobs')).toEqual(await losses('straight-jobs'));
    },
  );
});
