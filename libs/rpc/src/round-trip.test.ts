import {
  JudgeServiceClient,
  JudgeServiceService,
  ScorerServiceClient,
  ScorerServiceService,
} from '@overtone/contracts';
import type { CompareRequest, CompareResponse } from '@overtone/contracts';
import { type Metadata, status } from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  bidiHandler,
  clientStreamHandler,
  connect,
  invalidArgument,
  type Remote,
  RpcError,
  type RunningServer,
  serve,
  sleep,
  unaryHandler,
  unavailable,
} from './index.ts';

vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');
// Other files' tests run in this process too.
afterAll(() => vi.unstubAllEnvs());

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

type Compare = Parameters<typeof bidiHandler<CompareRequest, CompareResponse>>[0];

async function judgeServer(compare: Compare, describeIt = () => 'rubric'): Promise<RunningServer> {
  const server = await serve({
    name: 'judge',
    drainMs: 200,
    services: [
      {
        definition: JudgeServiceService,
        implementation: {
          compare: bidiHandler(compare),
          describe: unaryHandler(async () => ({ name: describeIt(), backend: 'rubric', fingerprint: '' })),
        },
      },
    ],
  });
  open.push(server);
  return server;
}

type Judge = Remote<typeof JudgeServiceService>;

async function judge(compare: Compare, describeIt?: () => string): Promise<Judge> {
  const server = await judgeServer(compare, describeIt);
  const client = connect(JudgeServiceClient, server.address, { retry: { initialDelayMs: 5 } });
  open.push(client);
  return client;
}

const request = (id: number, first = ''): CompareRequest => ({
  id: String(id),
  question: '',
  first,
  second: '',
});
const verdict = (id: string): CompareResponse => ({
  id,
  preferenceFirst: 0.5,
  outcome: 3,
  rationale: '',
  usage: undefined,
});
async function* echo(requests: AsyncIterable<CompareRequest>): AsyncGenerator<CompareResponse> {
  for await (const { id } of requests) yield verdict(id);
}

describe('calls', () => {
  it('answers a unary call', async () => {
    const client = await judge(echo);
    expect(await client.describe({})).toEqual({ name: 'rubric', backend: 'rubric', fingerprint: '' });
  });

  it('streams both ways in order, to the last message', async () => {
    const client = await judge(echo);
    const requests = Array.from({ length: 2000 }, (_, id) => request(id));
    const ids: string[] = [];
    for await (const { id } of client.compare(requests)) ids.push(id);
    expect(ids).toEqual(requests.map(({ id }) => id));
  });

  it('collects a stream of requests into one answer', async () => {
    const server = await serve({
      name: 'scorer',
      services: [
        {
          definition: ScorerServiceService,
          implementation: {
            planComparisons: bidiHandler(async function* () {}),
            scoreGroups: bidiHandler(async function* () {}),
            estimateReliability: clientStreamHandler(() => Promise.resolve({ judges: [] })),
            assessFidelity: clientStreamHandler(async (requests) => {
              let groups = 0;
              for await (const _ of requests) groups += 1;
              return {
                groups,
                auditedPairs: 0,
                lengthCorrelation: 0,
                reliability: [],
                recommendation: 0,
                reason: '',
                auditedGroups: 0,
                groupsNeeded: 0,
                flipRateIsLowerBound: false,
              };
            }),
          },
        },
      ],
    });
    const scorer = connect(ScorerServiceClient, server.address);
    open.push(server, scorer);
    const group = { problemId: 'a', solutions: [], scores: [], verdicts: [], audit: [] };
    expect((await scorer.assessFidelity([group, group, group])).groups).toBe(3);
  });
});

describe('flow control', () => {
  it('pulls requests only as fast as the server reads them', async () => {
    const client = await judge(async function* (requests, { signal }) {
      for await (const { id } of requests) {
        yield verdict(id);
        await sleep(60_000, signal).catch(() => undefined);
        return;
      }
    });
    let pulled = 0;
    const source = function* (): Generator<CompareRequest> {
      for (;;) yield request((pulled += 1), 'x'.repeat(10_000));
    };
    for await (const _ of client.compare(source())) {
      await sleep(300);
      break;
    }
    // 64 KiB of window on each side of the connection, 16 messages in each stream's buffer, and no more.
    expect(pulled).toBeGreaterThan(1);
    expect(pulled).toBeLessThan(100);
  });

  it('produces responses only as fast as the client reads them', async () => {
    let produced = 0;
    const client = await judge(async function* () {
      for (;;) {
        produced += 1;
        yield { ...verdict('1'), rationale: 'x'.repeat(10_000) };
      }
    });
    for await (const _ of client.compare([])) {
      await sleep(300);
      break;
    }
    expect(produced).toBeLessThan(100);
  });
});

describe('the end of a call', () => {
  it('tells the handler when the client leaves early, and ends the requests', async () => {
    let cancelled: unknown;
    let ended = false;
    const client = await judge(async function* (requests, { signal }) {
      signal.addEventListener('abort', () => (cancelled = signal.reason));
      yield* echo(requests);
    });
    const source = async function* (): AsyncGenerator<CompareRequest> {
      try {
        for (let id = 0; ; id += 1) {
          yield request(id);
          await sleep(1);
        }
      } finally {
        ended = true;
      }
    };
    for await (const { id } of client.compare(source())) if (id === '5') break;
    await expect.poll(() => cancelled).toMatchObject({ code: status.CANCELLED });
    await expect.poll(() => ended).toBe(true);
  });

  it('does not call a finished call cancelled', async () => {
    let aborted = false;
    const client = await judge(async function* (requests, { signal }) {
      signal.addEventListener('abort', () => (aborted = true));
      yield* echo(requests);
    });
    for await (const _ of client.compare([request(1)]));
    await sleep(30);
    expect(aborted).toBe(false);
  });

  it("rejects with the caller's own reason when its signal aborts", async () => {
    const client = await judge(async function* (_, { signal }) {
      await sleep(60_000, signal);
      yield verdict('never');
    });
    const controller = new AbortController();
    const next = client.compare([request(1)], { signal: controller.signal }).next();
    setTimeout(() => controller.abort(new Error('the user pressed Ctrl-C')), 20);
    await expect(next).rejects.toThrow('the user pressed Ctrl-C');
  });

  it('ends at the deadline on both sides', async () => {
    let reason: unknown;
    const client = await judge(async function* (_, { signal, deadline }) {
      expect(deadline?.getTime()).toBeGreaterThan(Date.now());
      await sleep(60_000, signal).catch((error: unknown) => (reason = error));
      yield verdict('late');
    });
    const call = client.compare([request(1)], { timeoutMs: 100 }).next();
    await expect(call).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await expect(call).rejects.toThrow('timeoutMs was 100');
    await expect.poll(() => reason).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  it('passes on what the source of the requests threw', async () => {
    const client = await judge(echo);
    const source = async function* (): AsyncGenerator<CompareRequest> {
      yield request(1);
      throw unavailable('the disk is full');
    };
    const read = async (): Promise<void> => {
      for await (const _ of client.compare(source()));
    };
    await expect(read()).rejects.toThrow(/^the disk is full$/);
  });
});

describe('errors', () => {
  it.each([
    [
      'a field',
      invalidArgument('first', 'must not be empty'),
      status.INVALID_ARGUMENT,
      'first: must not be empty',
    ],
    ['an unknown error', new Error('out of cheese — 100 %'), status.INTERNAL, 'out of cheese — 100 %'],
    ['an abort', new DOMException('stopped', 'AbortError'), status.CANCELLED, 'stopped'],
    ['a very long message', new Error('é'.repeat(100_000)), status.INTERNAL, 'éé…'],
  ])('maps %s to a status', async (_, thrown, code, message) => {
    const client = await judge(
      async function* () {
        yield verdict('before');
        throw thrown;
      },
      () => {
        throw thrown;
      },
    );
    const streamed = async (): Promise<void> => {
      for await (const _ of client.compare([]));
    };
    for (const call of [client.describe({}), streamed()]) {
      const error: unknown = await call.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
      expect(error).toMatchObject({
        message: expect.stringMatching(/^overtone\.v1\.JudgeService\/\w+ at 127\.0\.0\.1/),
      });
      expect(error).not.toMatchObject({ message: expect.stringContaining('.test.ts') });
    }
  });

  it('delivers what came before the error', async () => {
    const client = await judge(async function* () {
      for (let id = 0; id < 50; id += 1) yield verdict(String(id));
      throw invalidArgument('requests[50].id', 'is taken');
    });
    const ids: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { id } of client.compare([])) ids.push(id);
    };
    await expect(read()).rejects.toThrow('requests[50].id: is taken');
    expect(ids).toHaveLength(50);
  });

  it('refuses a message over the limit', async () => {
    const server = await judgeServer(echo);
    const client = connect(JudgeServiceClient, server.address, { maxMessageBytes: 1000 });
    open.push(client);
    const call = client.compare([request(1, 'x'.repeat(2000))]).next();
    await expect(call).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('retries', () => {
  it('tries a unary call again while the server is unavailable', async () => {
    let tries = 0;
    const client = await judge(echo, () => {
      tries += 1;
      if (tries < 3) throw unavailable('warming up');
      return 'ready';
    });
    expect((await client.describe({})).name).toBe('ready');
    expect(tries).toBe(3);
  });

  it('sends every request again to a stream that had delivered nothing', async () => {
    let tries = 0;
    const client = await judge(async function* (requests) {
      tries += 1;
      const ids: string[] = [];
      for await (const { id } of requests) {
        ids.push(id);
        if (tries < 3 && ids.length === 2 * tries) throw unavailable('restarting');
      }
      for (const id of ids) yield verdict(id);
    });
    const source = async function* (): AsyncGenerator<CompareRequest> {
      for (let id = 0; id < 8; id += 1) {
        yield request(id);
        await sleep(1);
      }
    };
    const ids: string[] = [];
    for await (const { id } of client.compare(source())) ids.push(id);
    expect(ids).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    expect(tries).toBe(3);
  });

  it('does not repeat a stream that has delivered something, nor other errors', async () => {
    let tries = 0;
    const client = await judge(
      async function* () {
        tries += 1;
        yield verdict('1');
        throw unavailable('gone');
      },
      () => {
        tries += 1;
        throw invalidArgument('x', 'is wrong');
      },
    );
    const read = async (): Promise<void> => {
      for await (const _ of client.compare([request(1)]));
    };
    await expect(read()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(client.describe({})).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(tries).toBe(2);
  });

  it('gives up after the tries that it has, and at once without any', async () => {
    const client = connect(JudgeServiceClient, '127.0.0.1:1', { retry: { initialDelayMs: 1 }, retries: 2 });
    open.push(client);
    await expect(client.describe({})).rejects.toThrow(/Describe at 127\.0\.0\.1:1: UNAVAILABLE/);
    await expect(client.describe({}, { retries: 0 })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});

it('hands metadata to the handler', async () => {
  let seen: Metadata | undefined;
  const client = await judge(async function* (requests, { metadata }) {
    seen = metadata;
    yield* echo(requests);
  });
  for await (const _ of client.compare([], { metadata: { 'x-run': 'abc' } }));
  expect(seen?.get('x-run')).toEqual(['abc']);
});
