import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Checkpoints } from './checkpoints.ts';
import { type TrainingState } from './training-state.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-checkpoints-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const state = (step: number): TrainingState => ({
  step,
  theta: Float32Array.of(step, 1, 2),
  first: Float32Array.of(3, 4, 5),
  second: Float32Array.of(6, 7, step),
  losses: [0.5, 0.25],
});

describe('checkpoints', () => {
  it('keep the last few, and give back the latest to the bit', async () => {
    const run = join(folder, 'keep');
    const checkpoints = new Checkpoints(run, { keep: 3 });
    expect(await checkpoints.latest(3)).toBeUndefined();
    for (const step of [2, 9, 10, 11]) await checkpoints.save(state(step));
    expect(await checkpoints.steps()).toEqual([11, 10, 9]);
    expect(await checkpoints.latest(3)).toEqual(state(11));
  });

  it('fall back to the one before when the latest is damaged, and say why when none can be read', async () => {
    const run = join(folder, 'damaged');
    const checkpoints = new Checkpoints(run);
    for (const step of [4, 8]) await checkpoints.save(state(step));
    await writeFile(join(run, 'checkpoints', 'step-8.safetensors'), 'torn');
    expect((await checkpoints.latest(3))?.step).toBe(4);
    await expect(checkpoints.latest(5)).rejects.toThrow(/step-8\.safetensors: is not a safetensors file/);
  });

  it('sweep away what a killed process left half-written', async () => {
    const run = join(folder, 'swept');
    await mkdir(join(run, 'checkpoints'), { recursive: true });
    await writeFile(join(run, 'checkpoints', 'step-3.safetensors.17.partial'), 'half');
    const checkpoints = new Checkpoints(run);
    expect(await checkpoints.latest(3)).toBeUndefined();
    await checkpoints.save(state(5));
    expect(await readdir(join(run, 'checkpoints'))).toEqual(['step-5.safetensors']);
  });

  // A file that is a link to /dev/full takes nothing: the kernel says that there is no space left.
  it.skipIf(!existsSync('/dev/full'))('of a full disk leave those before them, and say so', async () => {
    const run = join(folder, 'full');
    const checkpoints = new Checkpoints(run);
    await checkpoints.save(state(6));
    const partial = join(run, 'checkpoints', `step-7.safetensors.${process.pid}.partial`);
    await symlink('/dev/full', partial);
    await expect(checkpoints.save(state(7))).rejects.toThrow(
      /the checkpoint of step 7 could not be written \(.*the disk is full\); the one of step 6 is kept; make room/i,
    );
    expect(await checkpoints.latest(3)).toEqual(state(6));
    await checkpoints.save(state(7));
    expect(await checkpoints.steps()).toEqual([7, 6]);
  });
});
