import { afterEach, expect, it, vi } from 'vitest';
import { comparison, Scene } from './describing-judge.fixture.ts';
import { isBalanced, isLoopback, isRestart, sleep, waitForHealthy } from './index.ts';

const scene = new Scene();
afterEach(async () => {
  await scene.close();
  vi.unstubAllEnvs();
});

it('knows which addresses stay on this machine', () => {
  for (const address of [
    '127.0.0.1:1',
    'localhost:1',
    '[::1]:1',
    'unix:/run/x',
    'dns:///localhost:1',
    'dns:127.0.0.1:1',
    'ipv4:127.0.0.1:1,127.0.0.2:2',
    'ipv6:[::1]:1',
  ])
    expect(isLoopback(address), address).toBe(true);
  for (const address of [
    '0.0.0.0:1',
    'judge:1',
    '127.0.0.1.example.org:1',
    'localhost.example.org:1',
    'dns:///judge:1',
    'dns://10.0.0.1/localhost:1',
    'ipv4:127.0.0.1:1,10.0.0.1:2',
  ])
    expect(isLoopback(address), address).toBe(false);
  expect([isBalanced('judge:1'), isBalanced('dns:///judge:1')]).toEqual([false, true]);
});

it('takes turns among all servers of an address, leaves out one that died and takes it back', async () => {
  vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');
  const first = await scene.judge({ drainMs: 0 }, () => 'first');
  const second = await scene.judge({}, () => 'second');
  const address = `ipv4:${first.address},${second.address}`;
  await waitForHealthy(address);
  await waitForHealthy(second.address.replace('127.0.0.1', 'dns:///localhost'));
  const client = scene.connect(address, { retries: 5 });
  const names = async (calls: number): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (let call = 0; call < calls; call++) {
      const { name } = await client.describe({});
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  await expect.poll(() => names(10), { timeout: 10_000 }).toEqual({ first: 5, second: 5 });
  await first.close();
  expect(await names(10)).toEqual({ second: 10 });
  await scene.judge({ address: first.address }, () => 'again');
  await expect.poll(() => names(10), { timeout: 10_000 }).toEqual({ again: 5, second: 5 });
});

it('changes over to a new connection when one has grown old, and lets open calls go on', async () => {
  vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');
  const server = await scene.judge({ maxConnectionAgeMs: 150 }, ({ peer }) => peer);
  const client = scene.connect(server.address, { retries: 5 });
  const stream = client.compare([comparison(0), comparison(400), comparison(0)]);
  await stream.next();
  const peers = new Set<string>();
  const calls = (async () => {
    while (peers.size < 3) peers.add((await client.describe({})).name);
  })();
  let verdicts = 1;
  for await (const _ of stream) verdicts++;
  await calls;
  expect(verdicts).toBe(3);
});

it('loses no call while the servers of an address are restarted one after the other', async () => {
  vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');
  const servers = [await scene.judge(), await scene.judge()];
  const address = `ipv4:${servers.map((server) => server.address).join(',')}`;
  const client = scene.connect(address, { retries: 5 });
  let restarting = true;
  let answered = 0;
  const caller = async (): Promise<void> => {
    while (restarting) {
      await client.describe({});
      try {
        for await (const _ of client.compare([comparison(5), comparison(5)]));
        answered++;
      } catch (error) {
        // A stream that has delivered something is its reader's to open again.
        if (!isRestart(error)) throw error;
      }
    }
  };
  const callers = Promise.all(Array.from({ length: 8 }, caller));
  for (const server of servers) {
    await server.close(1000, 50);
    await scene.judge({ address: server.address });
    await waitForHealthy(server.address);
    // Until clients have found it again.
    await sleep(200);
  }
  restarting = false;
  await callers;
  expect(answered).toBeGreaterThan(8);
});
