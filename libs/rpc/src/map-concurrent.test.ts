import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapConcurrent, sleep } from './index.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('mapConcurrent', () => {
  it('does everything once, in completion order, never more than the limit at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (delays, limit) => {
          let running = 0;
          let most = 0;
          const finished: number[] = [];
          const work = async (index: number): Promise<number> => {
            most = Math.max(most, (running += 1));
            await sleep(delays[index] ?? 0);
            running -= 1;
            finished.push(index);
            return index;
          };
          const results = await collect(mapConcurrent(delays.keys(), work, { limit }));
          expect(results).toEqual(finished);
          expect([...results].sort((a, b) => a - b)).toEqual([...delays.keys()]);
          expect(most).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('pulls no further ahead of its reader than the limit', async () => {
    let pulled = 0;
    const source = function* (): Generator<number> {
      for (;;) yield (pulled += 1);
    };
    for await (const _ of mapConcurrent(source(), async (item) => item, { limit: 3 })) {
      await sleep(20);
      break;
    }
    expect(pulled).toBeLessThanOrEqual(4);
  });

  it('delivers a result while the source still waits for its next item', async () => {
    const source = async function* (): AsyncGenerator<number> {
      yield 1;
      await sleep(60_000);
    };
    const results = mapConcurrent(source(), async (item) => item, { limit: 4 });
    expect((await results.next()).value).toBe(1);
  });

  it('ends with the first error, tells the others and ends the source', async () => {
    let told = false;
    let ended = false;
    const source = function* (): Generator<number> {
      try {
        for (let item = 0; ; item += 1) yield item;
      } finally {
        ended = true;
      }
    };
    const work = async (item: number, signal: AbortSignal): Promise<number> => {
      if (item === 1) throw new Error('second failed');
      signal.addEventListener('abort', () => (told = true));
      await sleep(60_000, signal);
      return item;
    };
    await expect(collect(mapConcurrent(source(), work, { limit: 3 }))).rejects.toThrow('second failed');
    expect([told, ended]).toEqual([true, true]);
  });

  it('ends with the reason of its signal', async () => {
    const signal = AbortSignal.timeout(20);
    const work = async (): Promise<void> => sleep(60_000);
    await expect(collect(mapConcurrent([1], work, { limit: 1, signal }))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });
});
