import {
  EntropyKind,
  FinishReason,
  type GenerateRequest,
  type GenerateResponse,
  GeneratorServiceService,
  type ScoreRequest,
} from '@overtone/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { sleep } from './abort.ts';
import { unavailable } from './error.ts';
import { connectGenerator } from './generators.ts';
import { bidiHandler, serverStreamHandler } from './handlers.ts';
import { isNext, Load } from './load.ts';
import { endpointsOf } from './replicas.ts';
import { type RunningServer, serve } from './server.ts';

const closing: { close(): unknown }[] = [];
afterEach(async () => void (await Promise.all(closing.splice(0).map((each) => each.close()))));

interface Behaviour {
  /** Time for one item. */
  readonly delayMs?: number;
  /** Breaks its streams off after so many items, once. */
  breaksAfter?: number;
}

interface Replica {
  readonly server: RunningServer;
  readonly scored: string[];
  readonly sampled: string[];
}

/** A generator whose scores and samples are made of their ids, one item at a time. */
async function replica(behaviour: Behaviour = {}): Promise<Replica> {
  const { delayMs = 1 } = behaviour;
  const scored: string[] = [];
  const sampled: string[] = [];
  const breaks = (done: number): boolean => {
    if (done !== behaviour.breaksAfter) return false;
    delete behaviour.breaksAfter;
    return true;
  };
  const server = await serve({
    name: 'generator',
    services: [
      {
        definition: GeneratorServiceService,
        implementation: {
          describeModel: () => {},
          score: bidiHandler(async function* (requests: AsyncIterable<ScoreRequest>) {
            for await (const { id } of requests) {
              await sleep(delayMs);
              if (breaks(scored.length)) throw unavailable('told to break off');
              scored.push(id);
              yield { ...noScore, id, tokenLogprobs: [-Number(id)] };
            }
          }),
          generate: serverStreamHandler(async function* ({ prompts, sampling }: GenerateRequest) {
            for (const { id } of prompts)
              for (let index = 0; index < (sampling?.samples ?? 0); index++) {
                await sleep(delayMs);
                if (breaks(sampled.length)) throw unavailable('told to break off');
                sampled.push(`${id} ${index}`);
                yield sample(id, index);
              }
          }),
        },
      },
    ],
  });
  closing.push(server);
  return { server, scored, sampled };
}

const noScore = {
  tokenEntropies: [],
  tokenEnds: [],
  continuationLogprobs: [],
  usage: undefined,
};

const sample = (promptId: string, sampleIndex: number): GenerateResponse => ({
  promptId,
  sampleIndex,
  text: `${promptId}, ${sampleIndex}`,
  tokenIds: [],
  tokenLogprobs: [],
  tokenEntropies: [],
  finishReason: FinishReason.FINISH_REASON_STOP,
  promptTokens: 1,
  entropyKind: EntropyKind.ENTROPY_KIND_EXACT,
  tokenEntropyErrors: [],
  completionTokens: 1,
});

function connected(replicas: readonly Replica[]) {
  const generator = connectGenerator(`ipv4:${replicas.map(({ server }) => server.address).join(',')}`);
  closing.push(generator);
  return generator;
}

const requests = (count: number): ScoreRequest[] =>
  Array.from({ length: count }, (_, index) => ({
    id: String(index),
    adapter: undefined,
    messages: [],
    target: undefined,
  }));

const generation = (prompts: number): GenerateRequest => ({
  adapter: undefined,
  prompts: Array.from({ length: prompts }, (_, index) => ({ id: `p${index}`, messages: [] })),
  sampling: { samples: 3, temperature: 1, topP: 1, maxNewTokens: 1, seed: 1, stop: [] },
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('replicas behind one address', () => {
  it('are the addresses of a name, or of a list', async () => {
    expect(await endpointsOf('127.0.0.1:5')).toEqual(['127.0.0.1:5']);
    expect(await endpointsOf('unix:/run/judge')).toEqual(['unix:/run/judge']);
    expect(await endpointsOf('ipv4:127.0.0.1:5,127.0.0.2:6')).toEqual(['127.0.0.1:5', '127.0.0.2:6']);
    expect(await endpointsOf('dns:///localhost:5')).toEqual([
      expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):5$/),
    ]);
    await expect(endpointsOf('dns:///nowhere.invalid:5')).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
  });

  it('share what is scored, each item once, by how fast they are', async () => {
    const [fast, slow] = await Promise.all([replica({ delayMs: 2 }), replica({ delayMs: 16 })]);
    const scores = await collect(connected([fast, slow]).score(requests(160)));
    expect(scores.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual([...Array(160).keys()]);
    expect(scores.every(({ id, tokenLogprobs }) => tokenLogprobs[0] === -Number(id))).toBe(true);
    expect(fast.scored.length + slow.scored.length).toBe(160);
    expect(slow.scored.length).toBeGreaterThan(4);
    expect(slow.scored.length).toBeLessThan(60);
  });

  it('read no more of the source than they take, and leave it alone when the reader leaves', async () => {
    const both = await Promise.all([replica(), replica()]);
    let read = 0;
    let left = false;
    const content = 'x'.repeat(20_000);
    async function* endless(): AsyncGenerator<ScoreRequest> {
      try {
        for (;;)
          yield {
            id: String(read++),
            adapter: undefined,
            messages: [{ role: 'user', content }],
            target: undefined,
          };
      } finally {
        left = true;
      }
    }
    const scores = connected(both).score(endless());
    for (let taken = 0; taken < 20; taken++) await scores.next();
    // What replicas have in hand, and nothing else.
    for (let before = -1; read !== before; await sleep(150)) before = read;
    expect(read).toBeLessThan(100);
    await scores.return(undefined);
    expect(left).toBe(true);
  });

  it('take over what one of them breaks off', async () => {
    const [steady, broken] = await Promise.all([replica(), replica({ breaksAfter: 10 })]);
    const scores = await collect(connected([steady, broken]).score(requests(100)));
    expect(new Set(scores.map(({ id }) => id)).size).toBe(100);
    expect(scores).toHaveLength(100);
  });

  it('fail together with what the last one said', async () => {
    const all = await Promise.all([replica({ breaksAfter: 0 }), replica({ breaksAfter: 0 })]);
    await expect(collect(connected(all).score(requests(10)))).rejects.toThrow('told to break off');
  });

  it('sample every prompt once, though one of them breaks off', async () => {
    const [steady, broken] = await Promise.all([replica(), replica({ breaksAfter: 5 })]);
    const samples = await collect(connected([steady, broken]).generate(generation(20)));
    const expected = generation(20).prompts.flatMap(({ id }) => [0, 1, 2].map((index) => sample(id, index)));
    const place = ({ promptId, sampleIndex }: GenerateResponse) =>
      Number(promptId.slice(1)) * 3 + sampleIndex;
    expect(samples.sort((a, b) => place(a) - place(b))).toEqual(expected);
    expect(broken.sampled.length).toBeGreaterThan(0);
    // Samples of one unfinished prompt at most are made again.
    expect(steady.sampled.length + broken.sampled.length).toBeLessThanOrEqual(60 + 2);
  });
});

describe('a load', () => {
  it('is least for the lane that would be done first', () => {
    const [quick, slow] = [new Load(), new Load()];
    for (const [load, pace] of [
      [quick, 1],
      [slow, 10],
    ] as const) {
      load.hungry = true;
      for (let at = 0; at < 20; at++) {
        load.start(at * pace);
        load.finish((at + 1) * pace);
      }
    }
    for (let given = 0; given < 9; given++) {
      expect(isNext(quick, [quick, slow])).toBe(true);
      expect(isNext(slow, [quick, slow])).toBe(false);
      quick.start();
    }
    quick.start();
    expect(isNext(slow, [quick, slow])).toBe(true);
    quick.hungry = false;
    expect(isNext(slow, [quick, slow])).toBe(true);
  });
});
