import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompareRequest, type CompareResponse, Outcome } from '@overtone/contracts';
import { failedPrecondition, unavailable } from '@overtone/rpc';
import { describe, expect, it } from 'vitest';
import { Budget } from './budget.ts';
import { JudgeDown } from './judge-down.ts';
import { JudgeSession, type JudgeSessionOptions } from './judge-session.ts';
import { VerdictLog } from './verdict-log.ts';

type Compare = (requests: AsyncIterable<CompareRequest>) => AsyncGenerator<CompareResponse>;

/** The longer solution is better. */
function verdict({ id, first, second }: CompareRequest): CompareResponse {
  const preferenceFirst = first.length > second.length ? 0.9 : 0.2;
  return { id, preferenceFirst, outcome: Outcome.OUTCOME_FIRST, rationale: '', usage: undefined };
}

async function open(compare: Compare, options: Partial<JudgeSessionOptions> = {}) {
  const log = await VerdictLog.open(
    join(mkdtempSync(join(tmpdir(), 'overtone-session-')), 'log.jsonl'),
    'run',
  );
  const said: string[] = [];
  const asked: CompareRequest[] = [];
  const session = new JudgeSession({
    name: 'double',
    remote: {
      compare: (requests) =>
        compare(
          (async function* () {
            for await (const request of requests as AsyncIterable<CompareRequest>) {
              asked.push(request);
              yield request;
            }
          })(),
        ),
    },
    fingerprint: 'f',
    costBound: undefined,
    log,
    budget: undefined,
    inFlight: 4,
    patienceMs: 60_000,
    pauseMs: 1,
    signal: new AbortController().signal,
    say: (text) => void said.push(text),
    ...options,
  });
  return { session, log, said, asked };
}

async function* plain(requests: AsyncIterable<CompareRequest>): AsyncGenerator<CompareResponse> {
  for await (const request of requests) yield verdict(request);
}

describe('a session with a judge', () => {
  it('asks each order of a pair once, however often it is wanted', async () => {
    const { session, asked } = await open(plain);
    const wanted = [
      session.pair('q', 'long', 'x'),
      session.pair('q', 'long', 'x'),
      session.pair('q', 'x', 'long'),
    ];
    const [one, same, turned] = await Promise.all(wanted);
    expect(one?.forward).toBe(0.9);
    expect(one?.backward).toBeCloseTo(0.8, 12);
    expect(same).toEqual(one);
    expect([turned?.forward, turned?.backward].map((p) => p?.toFixed(6))).toEqual(['0.200000', '0.100000']);
    await session.pair('q', 'long', 'x');
    await session.close();
    expect(asked).toHaveLength(2);
  });

  it('keeps no more in flight than it may, and goes on after failures one at a time', async () => {
    let open_ = 0;
    let most = 0;
    let failures = 3;
    const afterFailure: number[] = [];
    const { session, said, asked } = await open(async function* (requests) {
      open_ = 0;
      const waiting: CompareRequest[] = [];
      for await (const request of requests) {
        most = Math.max(most, ++open_);
        if (asked.length > 20 && failures > 0) {
          failures--;
          afterFailure.push(open_);
          throw unavailable('out of order');
        }
        waiting.push(request);
        if (waiting.length < 2 && asked.length < 20) continue;
        for (const each of waiting.splice(0)) {
          open_--;
          yield verdict(each);
        }
      }
    });
    const pairs = await Promise.all(
      Array.from({ length: 30 }, (_, at) => session.pair('q', `long ${at}`, String(at))),
    );
    await session.close();
    expect(pairs.every((pair) => pair?.forward === 0.9)).toBe(true);
    expect(most).toBeLessThanOrEqual(4);
    expect(afterFailure.slice(1)).toEqual([1, 1]);
    expect(said.at(-1)).toContain('answers again');
  });

  it('gives up when its patience ends, with everything kept', async () => {
    let answered = 0;
    const { session, log } = await open(
      async function* (requests) {
        for await (const request of requests) {
          if (answered++ >= 3) throw unavailable('gone');
          yield verdict(request);
        }
      },
      { patienceMs: 30 },
    );
    const ended = await Promise.allSettled([0, 1, 2].map((at) => session.pair('q', `long ${at}`, `${at}`)));
    expect(ended.filter(({ status: state }) => state === 'rejected').length).toBeGreaterThan(0);
    await expect(session.pair('q', 'a', 'bb')).rejects.toThrow(JudgeDown);
    expect(log.size).toBe(3);
  });

  it('ends at once for what waiting cannot mend', async () => {
    const { session, asked } = await open(async function* (requests) {
      for await (const _ of requests) throw failedPrecondition('wrong key');
    });
    await expect(session.pair('q', 'a', 'bb')).rejects.toThrow('wrong key');
    expect(asked).toHaveLength(1);
  });

  it('takes a judge that went silent for one that is down', async () => {
    let streams = 0;
    const { session, said } = await open(
      async function* (requests) {
        const silent = streams++ === 0;
        for await (const request of requests) {
          if (silent) await new Promise((resolve) => setTimeout(resolve, 200));
          if (silent) throw unavailable('too late');
          yield verdict(request);
        }
      },
      { stallMs: 20 },
    );
    expect((await session.pair('q', 'long', 'x'))?.forward).toBe(0.9);
    await session.close();
    expect(said[0]).toMatch(/is down/);
  });

  it('refuses answers that are none', async () => {
    for (const [answer, message] of [
      [{ id: 'x' }, /no comparison in flight/],
      [{ preferenceFirst: 1.5 }, /expected a probability/],
    ] as const) {
      const { session } = await open(async function* (requests) {
        for await (const request of requests) yield { ...verdict(request), ...answer };
      });
      await expect(session.pair('q', 'a', 'bb')).rejects.toThrow(message);
    }
  });

  it('pays again for what was lost only where the budget allows it', async () => {
    const answerOnly = (calls: number) => async (budgetCalls: number) => {
      let asked = 0;
      let broken = false;
      const budget = new Budget({ calls: budgetCalls }, { calls: 0, promptTokens: 0, completionTokens: 0 });
      const { session } = await open(
        async function* (requests) {
          for await (const request of requests) {
            if (++asked > calls && !broken) {
              broken = true;
              throw unavailable('read ECONNRESET');
            }
            yield verdict(request);
          }
        },
        { budget, inFlight: 1 },
      );
      const pairs = await Promise.all([session.pair('q', 'long', 'x'), session.pair('q', 'longer', 'y')]);
      await session.close();
      return { pairs: pairs.filter((pair) => pair !== undefined).length, asked };
    };
    // Four calls, of which the third is lost: a fifth would be needed.
    expect(await answerOnly(2)(5)).toEqual({ pairs: 2, asked: 5 });
    expect(await answerOnly(2)(4)).toMatchObject({ pairs: 1 });
  });
});
