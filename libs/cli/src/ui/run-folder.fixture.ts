// A run folder as a run leaves it while it is at work, without the run.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENTS_FILE, type ProgressFile, PROGRESS_FILE, type RunEvent } from '@overtone/experiment/following';

/** When everything happens in it. */
export const AT = '2026-03-01T12:00:00.000Z';

/** Writes the folder; without a lock, its run is one that was killed. */
export function writeRun(folder: string, { name = 'first', state = 'running' } = {}): void {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const manifest = {
    overtone: '0.1.0',
    node: 'v24.0.0',
    configuration: 'a'.repeat(64),
    state,
    created: AT,
    updated: AT,
    seeds: {},
    artifacts: 'file:///nowhere',
    timings: {},
    results: [],
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(
    join(folder, 'config.yaml'),
    `name: ${JSON.stringify(name)}\narms: [{ name: sft/entropy }, { name: dpo/entropy }]\nseeds: [1, 2]\n`,
  );
  const stage = { reused: 0, active: true, seconds: 2, detail: 'sft/entropy seed 1', note: 'loss 0.5' };
  const progress: ProgressFile = {
    at: AT,
    since: AT,
    stages: [{ stage: 'train', unit: 'steps', done: 5, total: 20, rate: 2.5, remaining: 6, ...stage }],
  };
  writeFileSync(join(folder, PROGRESS_FILE), JSON.stringify(progress));
}

/** Appends to what happened. */
export function happen(folder: string, ...events: RunEvent[]): void {
  appendFileSync(join(folder, EVENTS_FILE), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** A measured arm. */
export function measured(arm: string, accuracy: number): RunEvent {
  const place = { seed: arm === 'base' ? null : 1, round: 1, step: null, learningRate: null, questions: 4 };
  return { kind: 'measured', at: AT, arm, split: 'hard', accuracy, ...place };
}

/** A step of a training. */
export function step(job: string, at: number, loss: number): RunEvent {
  return { kind: 'step', at: AT, job, step: at, steps: 20, values: { loss } };
}
