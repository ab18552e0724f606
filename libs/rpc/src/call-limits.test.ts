import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { comparison, Scene } from './describing-judge.fixture.ts';
import { isShed, overloaded, sleep, waitForHealthy } from './index.ts';
import { TokenBuckets } from './token-buckets.ts';

const scene = new Scene();
beforeEach(() => vi.stubEnv('OVERTONE_LOG_LEVEL', 'none'));
afterEach(async () => {
  await scene.close();
  vi.unstubAllEnvs();
});

describe('limits', () => {
  it('refuse what is one too many at once, say when to come back, and take it when there is room', async () => {
    let described = 0;
    const server = await scene.judge({ limits: { maxCalls: 2 } }, () => String(++described));
    const hasty = scene.connect(server.address);
    const patient = scene.connect(server.address, { retries: 1 });
    const open = [hasty.compare([comparison(400)]), hasty.compare([comparison(400)])];
    const first = open.map((stream) => stream.next());
    await sleep(100);
    await expect(hasty.describe({})).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      pushbackMs: 250,
      message: expect.stringContaining('the server is busy'),
    });
    const shed = hasty.compare([comparison(0)]).next();
    await expect(shed.catch((error: unknown) => isShed(error))).resolves.toBe(true);
    expect(described).toBe(0);
    await waitForHealthy(server.address);
    // Comes back until there is room, however often that is.
    const [waited] = await Promise.all([patient.describe({}), ...first]);
    expect(waited.name).toBe('1');
    await Promise.all(open.map((stream) => stream.return(undefined)));
    await hasty.describe({});
    await hasty.describe({});
  });

  it('wait no longer than the deadline', async () => {
    const server = await scene.judge({ limits: { maxCalls: 1 } });
    const client = scene.connect(server.address, { retries: 5 });
    const leave = new AbortController();
    const stream = client.compare([comparison(3000)], { signal: leave.signal });
    stream.next().catch(() => undefined);
    await sleep(50);
    const started = performance.now();
    await expect(client.describe({}, { timeoutMs: 400 })).rejects.toMatchObject({
      // The latter on a machine so busy that the deadline passes during a try.
      code: expect.toBeOneOf([status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED]),
    });
    expect(performance.now() - started).toBeLessThan(2000);
    leave.abort();
  });

  it('hold per caller and second', async () => {
    const server = await scene.judge({ limits: { maxCallsPerSecond: 20 } });
    const hasty = scene.connect(server.address);
    const ends = await Promise.allSettled(Array.from({ length: 40 }, () => hasty.describe({})));
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    expect(refused.length).toBeGreaterThan(10);
    expect(refused.every(isShed)).toBe(true);
    await scene.connect(server.address, { retries: 1 }).describe({});
  });

  it('of a handler reach the caller in the same way', async () => {
    let asked = 0;
    const server = await scene.judge({}, () => {
      if (++asked < 3) throw overloaded('the queue is full', 20);
      return 'at last';
    });
    await expect(scene.connect(server.address).describe({})).rejects.toMatchObject({ pushbackMs: 20 });
    const { name } = await scene.connect(server.address, { retries: 1 }).describe({});
    expect(name).toBe('at last');
  });
});

it('turns away connections beyond as many as it may have, and lets others in when one has ended', async () => {
  const server = await scene.judge({ limits: { maxConnections: 1 } });
  const own = { 'grpc.use_local_subchannel_pool': 1 };
  const first = scene.connect(server.address, { channel: own });
  await first.describe({});
  const second = scene.connect(server.address, { channel: own, retries: 50 });
  await expect(second.describe({}, { retries: 0 })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  await first.describe({});
  first.close();
  expect((await second.describe({})).name).toBe('judge');
});

describe('token buckets', () => {
  it('fill with time, to one second, each for itself', () => {
    let now = 0;
    const buckets = new TokenBuckets(10, () => now);
    const take = (caller: string, times: number): number[] =>
      Array.from({ length: times }, () => buckets.take(caller));
    expect(take('a', 11)).toEqual([...Array<number>(10).fill(0), 100]);
    expect(take('b', 1)).toEqual([0]);
    now = 250;
    expect(take('a', 3)).toEqual([0, 0, 50]);
    now = 60_000;
    expect(take('a', 11).at(-1)).toBe(100);
  });

  it('remember only those who call', () => {
    let now = 0;
    const buckets = new TokenBuckets(10, () => now);
    for (let caller = 0; caller < 20_000; caller++) buckets.take(String(caller));
    expect(buckets.size).toBeLessThanOrEqual(10_000);
    now = 2000;
    buckets.take('a');
    expect(buckets.size).toBe(1);
  });
});
