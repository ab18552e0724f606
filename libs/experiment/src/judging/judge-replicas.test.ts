import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompareRequest, type CompareResponse, Outcome } from '@overtone/contracts';
import { unavailable } from '@overtone/rpc';
import { afterEach, describe, expect, it } from 'vitest';
import { Budget } from './budget.ts';
import type { JudgeReplica } from './judge-lane.ts';
import { JudgeSession, type JudgeSessionOptions } from './judge-session.ts';
import { VerdictLog } from './verdict-log.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** A replica that prefers the longer solution, and does as it is told. */
class Replica implements JudgeReplica {
  readonly address: string;
  readonly asked: CompareRequest[] = [];
  /** Thrown by the stream, once, after so many answers. */
  fault: { readonly after: number; readonly error: Error } | undefined;
  /** Thrown whenever it is called. */
  gone: Error | undefined;
  fingerprint = 'f';
  readonly delayMs: number;

  constructor(address: string, { delayMs = 1 } = {}) {
    this.address = address;
    this.delayMs = delayMs;
  }

  readonly describe = async () => {
    if (this.gone !== undefined) throw this.gone;
    return { name: 'double', backend: 'double', fingerprint: this.fingerprint, costBound: undefined };
  };

  readonly compare = (requests: AsyncIterable<CompareRequest> | Iterable<CompareRequest>) =>
    this.#answers(requests);

  async *#answers(
    requests: AsyncIterable<CompareRequest> | Iterable<CompareRequest>,
  ): AsyncGenerator<CompareResponse> {
    let answered = 0;
    for await (const request of requests) {
      if (this.gone !== undefined) throw this.gone;
      this.asked.push(request);
      await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      if (this.fault?.after === answered++) {
        const { error } = this.fault;
        this.fault = undefined;
        throw error;
      }
      const { id, first, second } = request;
      const preferenceFirst = first.length > second.length ? 0.9 : 0.2;
      yield { id, preferenceFirst, outcome: Outcome.OUTCOME_FIRST, rationale: '', usage: undefined };
    }
  }
}

async function session(replicas: readonly Replica[], options: Partial<JudgeSessionOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-replicas-'));
  folders.push(folder);
  const said: string[] = [];
  const opened = new JudgeSession({
    name: 'double',
    remote: {
      compare: () => {
        throw new Error('the judge as a whole was asked');
      },
      replicas: async () => replicas,
    },
    fingerprint: 'f',
    costBound: undefined,
    log: await VerdictLog.open(join(folder, 'log.jsonl'), 'run'),
    budget: undefined,
    inFlight: 512,
    patienceMs: 60_000,
    pauseMs: 5,
    signal: new AbortController().signal,
    say: (text) => void said.push(text),
    ...options,
  });
  const judge = async (pairs: number): Promise<number> => {
    const wanted = Array.from({ length: pairs }, (_, at) => opened.pair('q', `long ${at}`, String(at)));
    const preferences = await Promise.all(wanted);
    return preferences.filter((pair) => pair?.forward === 0.9 && pair.backward === 0.8).length;
  };
  return { session: opened, said, judge };
}

const texts = (replicas: readonly Replica[]): string[] =>
  replicas.flatMap(({ asked }) => asked.map(({ first, second }) => `${first} | ${second}`));

describe('a session with a judge that has replicas', () => {
  it('deals comparisons out, each to one of them, by how fast they answer', async () => {
    const replicas = [new Replica('a', { delayMs: 2 }), new Replica('b', { delayMs: 12 })];
    const { session: opened, judge } = await session(replicas);
    expect(await judge(100)).toBe(100);
    await opened.close();
    expect(new Set(texts(replicas)).size).toBe(200);
    expect(texts(replicas)).toHaveLength(200);
    const [fast, slow] = replicas.map(({ asked }) => asked.length);
    expect(slow).toBeGreaterThan(8);
    expect(slow).toBeLessThan((fast ?? 0) / 2);
  });

  it('gives what a replica has not answered to another, and says so', async () => {
    const replicas = [new Replica('a'), new Replica('b')];
    const [, broken] = replicas;
    if (broken !== undefined) broken.fault = { after: 5, error: unavailable('out of order') };
    const { session: opened, judge, said } = await session(replicas);
    expect(await judge(60)).toBe(60);
    await opened.close();
    expect(said[0]).toBe('judge "double" at b is down (out of order); the others go on');
  });

  it('asks a replica itself again whose connection alone broke, since it keeps what it was paid for', async () => {
    const replicas = [new Replica('a'), new Replica('b')];
    const [, broken] = replicas;
    if (broken !== undefined) broken.fault = { after: 5, error: unavailable('read ECONNRESET') };
    const { session: opened, judge, said } = await session(replicas);
    expect(await judge(60)).toBe(60);
    await opened.close();
    const [left, right] = replicas.map((replica) => new Set(texts([replica])));
    expect([...(left ?? [])].filter((text) => right?.has(text))).toEqual([]);
    expect(said).toEqual([]);
  });

  it('never exceeds a budget, whichever replica is asked again', async () => {
    const replicas = [new Replica('a'), new Replica('b')];
    const [, broken] = replicas;
    if (broken !== undefined) broken.fault = { after: 5, error: unavailable('read ECONNRESET') };
    const budget = new Budget({ calls: 80 }, { calls: 0, promptTokens: 0, completionTokens: 0 });
    const { session: opened, judge } = await session(replicas, { budget });
    expect(await judge(60)).toBeLessThan(40);
    await opened.close();
    expect(texts(replicas).length).toBeLessThanOrEqual(80);
  });

  it('does without a replica that is gone, and without one that has become another judge', async () => {
    const replicas = [new Replica('a'), new Replica('b'), new Replica('c')];
    const [, gone, other] = replicas;
    if (gone !== undefined) gone.gone = unavailable('connect ECONNREFUSED');
    if (other !== undefined) other.fingerprint = 'g';
    const { session: opened, judge, said } = await session(replicas);
    expect(await judge(40)).toBe(40);
    await opened.close();
    expect(replicas.map(({ asked }) => asked.length)).toEqual([80, 0, 0]);
    expect(said.join('\n')).toContain('at b is down (connect ECONNREFUSED)');
    expect(said.join('\n')).toContain(
      'at c is down (the replica at c is another judge: its fingerprint is g',
    );
  });

  it('waits when all of them are gone, and gives up when its patience ends', async () => {
    const replicas = [new Replica('a'), new Replica('b')];
    for (const replica of replicas) replica.gone = unavailable('connect ECONNREFUSED');
    const { session: opened, said } = await session(replicas, { patienceMs: 50 });
    await expect(opened.pair('q', 'long', 'x')).rejects.toThrow('has been down for');
    expect(said.join('\n')).toContain('the stage pauses');
  });
});
