import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Replay } from './replay.ts';

async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  if (count === 0) return taken;
  for await (const item of items) {
    taken.push(item);
    if (taken.length >= count) break;
  }
  return taken;
}

describe('Replay', () => {
  it('gives every try all requests, however far the tries before it came', async () => {
    const cuts = fc.array(fc.nat(20), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer(), { maxLength: 20 }), cuts, async (requests, tries) => {
        const replay = new Replay(requests);
        for (const cut of tries) expect(await take(replay.read(), cut)).toEqual(requests.slice(0, cut));
        replay.forget();
        expect(await take(replay.read(), Infinity)).toEqual(requests);
      }),
    );
  });

  it('loses nothing when a try ends while it waits for a request', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const source = async function* (): AsyncGenerator<number> {
      yield 1;
      await promise;
      yield 2;
      yield 3;
    };
    const replay = new Replay(source());
    const first = replay.read();
    await first.next();
    const waiting = first.next();
    const second = take(replay.read(), Infinity);
    resolve();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await second).toEqual([1, 2, 3]);
  });

  it('stops remembering at its bound', async () => {
    const replay = new Replay(Array.from({ length: 1000 }, (_, index) => index));
    await take(replay.read(), 255);
    expect(replay.replayable).toBe(true);
    expect(await take(replay.read(), 1000)).toHaveLength(1000);
    expect(replay.replayable).toBe(false);
  });

  it('never passes off what came before an error as the whole', async () => {
    const source = function* (): Generator<number> {
      yield 1;
      throw new Error('lost');
    };
    const replay = new Replay(source());
    await expect(take(replay.read(), 5)).rejects.toThrow('lost');
    expect(replay.replayable).toBe(false);
  });
});
