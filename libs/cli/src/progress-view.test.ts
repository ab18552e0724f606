import { Progress } from '@overtone/experiment';
import { describe, expect, it } from 'vitest';
import { progressView } from './progress-view.ts';

/** A screen that remembers, and a clock to set. */
function stage(isTTY: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const screen = { write: (text: string) => written.push(text), isTTY, columns: 100 };
  const view = progressView(screen, () => clock.now);
  const progress = new Progress(view.listen, () => clock.now);
  return { written, clock, view, progress };
}

describe('progress', () => {
  it('is a few plain lines where there is no terminal', async () => {
    const { written, clock, progress } = stage(false);
    const sampling = progress.stage('sample', 'solutions');
    sampling.expect(1000);
    await sampling.run(async () => {
      for (let done = 0; done < 1000; done++) {
        clock.now += 25;
        sampling.advance(1);
      }
    });
    progress.say('204 of 400 are saturated');
    expect(written.length).toBeLessThan(8);
    expect(written.join('')).not.toContain('\x1b');
    expect(written).toContain('sample: 1000/1000 solutions, 40/s\n');
    expect(written.join('')).toMatch(/sample: 4\d\d\/1000 solutions, 40\/s, 1\d s left/);
    expect(written.at(-1)).toBe('204 of 400 are saturated\n');
  });

  it('is a bar with rate and remaining time on a terminal, redrawn in place', async () => {
    const { written, clock, view, progress } = stage(true);
    const training = progress.stage('train', 'steps');
    training.expect(40);
    await training.run(async () => {
      clock.now = 2_000;
      training.advance(10);
    }, 'dpo/self-judge seed 2');
    view.close();
    const text = written.join('');
    expect(text).toContain('━━━━━───────────────');
    expect(text).toContain('10/40 steps, 5.0/s, 6 s left  dpo/self-judge seed 2');
    expect(text).toContain('\x1b[1A\x1b[0J');
    for (const line of text.split('\n')) expect(line.length).toBeLessThan(110);
  });
});
