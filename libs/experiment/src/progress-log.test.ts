import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Progress } from './progress.ts';
import { EVENTS_FILE, parseEvents, parseProgressFile, PROGRESS_FILE } from './progress-files.ts';
import { ProgressLog, type ProgressLogOptions } from './progress-log.ts';

function sitting(
  folder: string,
  work: (progress: Progress) => void,
  options: Partial<ProgressLogOptions> = {},
): void {
  const log = new ProgressLog(folder, { configuration: 'a', everyMs: 60_000, ...options });
  work(new Progress((event) => log.hear(event)));
  log.close();
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'progress-log-'));
const eventsIn = (folder: string) => parseEvents(readFileSync(join(folder, EVENTS_FILE), 'utf8'));
const stepsOf = (folder: string) =>
  eventsIn(folder).flatMap((event) => (event.kind === 'step' ? [event.step] : []));

function train(progress: Progress, steps: number, upTo = steps): void {
  for (let step = 1; step <= upTo; step++)
    progress.trained({ job: 'dpo seed 1', step, steps, values: { loss: 1 / step, nan: NaN } });
}

describe("a run's progress in its folder", () => {
  it('says where the run stands', () => {
    const folder = newFolder();
    sitting(folder, (progress) => {
      progress.stage('train', 'steps').expect(10);
      progress.stage('train').advance(4);
    });
    const file = parseProgressFile(readFileSync(join(folder, PROGRESS_FILE), 'utf8'));
    expect(file?.stages).toMatchObject([{ stage: 'train', unit: 'steps', done: 4, total: 10 }]);
  });

  it('keeps every step of a short training, and a hundred of a long one with both ends', () => {
    const short = newFolder();
    sitting(short, (progress) => train(progress, 30));
    expect(stepsOf(short)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    const long = newFolder();
    sitting(long, (progress) => train(progress, 5000));
    expect(stepsOf(long)).toHaveLength(100);
    expect(stepsOf(long).at(0)).toBe(1);
    expect(stepsOf(long).at(-1)).toBe(5000);
  });

  it('tells nothing twice, however often the run is continued, and goes on after a torn line', () => {
    const folder = newFolder();
    const work = (progress: Progress): void => {
      train(progress, 30, 20);
      progress.alarm('the loss explodes');
      progress.measured({
        arm: 'dpo',
        seed: 1,
        round: 1,
        split: 'hard',
        step: null,
        learningRate: null,
        accuracy: 0.5,
        questions: 4,
      });
    };
    sitting(folder, work);
    appendFileSync(join(folder, EVENTS_FILE), '{"kind":"step","at"');
    sitting(folder, (progress) => {
      work(progress);
      train(progress, 30);
    });
    expect(stepsOf(folder)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    const kinds = eventsIn(folder).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'sitting')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'message')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'measured')).toHaveLength(1);
  });

  it('begins anew for another configuration', () => {
    const folder = newFolder();
    sitting(folder, (progress) => train(progress, 30));
    sitting(folder, () => {}, { configuration: 'b' });
    expect(eventsIn(folder)).toMatchObject([{ kind: 'sitting', configuration: 'b' }]);
  });

  it('stays below its bound', () => {
    const folder = newFolder();
    sitting(folder, (progress) => train(progress, 30), { mostBytes: 100 });
    expect(existsSync(join(folder, EVENTS_FILE))).toBe(false);
  });

  it('ends, and not the run, when the folder is gone', () => {
    const folder = newFolder();
    expect(() =>
      sitting(folder, (progress) => {
        rmSync(folder, { recursive: true });
        train(progress, 3);
      }),
    ).not.toThrow();
  });

  it('writes nothing into a folder that another process has taken over', () => {
    const folder = newFolder();
    const lost = new AbortController();
    lost.abort();
    sitting(folder, (progress) => train(progress, 3), { lost: lost.signal });
    expect(existsSync(join(folder, EVENTS_FILE))).toBe(false);
    expect(existsSync(join(folder, PROGRESS_FILE))).toBe(false);
  });
});
