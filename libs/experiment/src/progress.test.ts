import { describe, expect, it } from 'vitest';
import { Progress, type StageProgress } from './progress.ts';

describe('progress', () => {
  it('takes its rate from fresh work alone, and from the time at work', async () => {
    let now = 0;
    let last: StageProgress | undefined;
    const progress = new Progress(
      (event) => (last = event.kind === 'stage' ? event.progress : last),
      () => now,
    );
    const stage = progress.stage('sample', 'solutions');
    stage.expect(100);
    now = 5_000;
    await stage.run(async () => {
      stage.advance(40, true);
      expect(last).toMatchObject({ done: 40, reused: 40, rate: undefined });
      now = 7_000;
      stage.advance(20);
    });
    expect(last).toMatchObject({ done: 60, total: 100, active: false, seconds: 2, rate: 10, remaining: 4 });
    now = 60_000;
    expect(progress.timings()).toEqual({ sample: 2 });
  });

  it('runs one clock for tasks at the same time', async () => {
    let now = 0;
    const stage = new Progress(undefined, () => now).stage('train');
    await stage.run(async () => {
      now = 1_000;
      await stage.run(async () => {
        now = 2_000;
      });
      now = 3_000;
    });
    expect(stage.snapshot().seconds).toBe(3);
  });
});
