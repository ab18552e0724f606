import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { limiter, once } from './limiter.ts';

describe('a limiter', () => {
  it('lets so many tasks run at a time, in order, also when some fail', async () => {
    const limit = limiter(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const results = await Promise.allSettled(
      [0, 1, 2, 3, 4, 5].map((task) =>
        limit(async () => {
          most = Math.max(most, ++running);
          order.push(task);
          await delay(2);
          running--;
          if (task % 3 === 0) throw new Error('failed');
          return task;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    expect(results.map(({ status }) => status)).toEqual(
      [0, 1, 2, 3, 4, 5].map((task) => (task % 3 === 0 ? 'rejected' : 'fulfilled')),
    );
  });

  it('starts nothing once it is aborted', async () => {
    const controller = new AbortController();
    const limit = limiter(1, controller.signal);
    let started = 0;
    const tasks = [1, 2].map(() =>
      limit(async () => {
        started++;
        controller.abort(new Error('stop'));
      }),
    );
    await expect(tasks[1]).rejects.toThrow('stop');
    expect(started).toBe(1);
  });
});

describe('once', () => {
  it('computes each key once, failures included', async () => {
    let computed = 0;
    const value = once(async (key) => {
      computed++;
      if (key === 'bad') throw new Error('bad');
      return key.length;
    });
    expect(await Promise.all([value('abc'), value('abc'), value('de')])).toEqual([3, 3, 2]);
    await expect(value('bad')).rejects.toThrow('bad');
    await expect(value('bad')).rejects.toThrow('bad');
    expect(computed).toBe(3);
  });
});
