import { Progress } from '@overtone/experiment';
import { describe, expect, it } from 'vitest';
import { sparkline, WatchedRun, watchView } from './watch-view.ts';

const watched = { name: 'mine', folder: 'runs/mine' };

describe('a watched run', () => {
  it('shows stages, the training at hand, what arms have come to, and the latest messages', async () => {
    const run = new WatchedRun(watched, () => 65);
    const progress = new Progress(
      (event) => run.hear(event),
      () => 0,
    );
    const sampling = progress.stage('sample', 'solutions');
    sampling.expect(40);
    sampling.advance(10);
    for (let step = 1; step <= 3; step++)
      progress.trained({ job: 'sft/a seed 1', step, steps: 10, values: { loss: 1 / step } });
    const place = { round: 1, step: null, learningRate: null, questions: 10 };
    progress.measured({ ...place, arm: 'base', seed: null, split: 'hard', accuracy: 0.5 });
    for (const [seed, accuracy] of [
      [1, 0.6],
      [2, 0.8],
    ] as const)
      progress.measured({ ...place, arm: 'sft/a', seed, split: 'hard', accuracy });
    progress.measured({ ...place, arm: 'sft/a', seed: 1, split: 'development', accuracy: 0 });
    for (let index = 0; index < 9; index++) progress.say(`message ${index}`);
    progress.alarm('the policy is gone');
    const text = run.lines().join('\n');
    expect(text).toContain('mine · runs/mine · 1 min 05 s');
    expect(text).toContain('━━━━━─────────────── 10/40 solutions');
    expect(text).toContain('training sft/a seed 1: step 3 of 10, loss 0.333\n█▃▁');
    expect(text).toMatch(/base +– +\.500\n/);
    expect(text).toMatch(/sft\/a +– +\.700 +\+\.200 +2/);
    expect(text).not.toContain('message 3');
    expect(text).toContain('message 8\n! the policy is gone');
  });

  it('leaves the terminal as it was, with what was said', () => {
    const written: string[] = [];
    const screen = { write: (text: string) => written.push(text), isTTY: true, columns: 40, rows: 10 };
    const view = watchView(screen, { ...watched, folder: 'x'.repeat(80) });
    view.listen({ kind: 'message', text: 'saturated: 3' });
    view.close();
    view.close();
    const text = written.join('');
    expect(text.startsWith('\x1b[?1049h')).toBe(true);
    expect(text.endsWith('\x1b[?1049lsaturated: 3\n')).toBe(true);
    expect(text.match(/\x1b\[\?1049l/g)).toHaveLength(1);
    for (const line of text.replaceAll(/\x1b\[[?\d]*[a-zA-Z]/g, '').split('\n'))
      expect(line.length).toBeLessThan(40);
  });

  it('draws losses that do not change, too', () => {
    expect([sparkline([]), sparkline([2, 2]), sparkline([0, 1])]).toEqual(['', '▁▁', '▁█']);
  });
});
