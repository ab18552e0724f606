import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  ComparisonPlan,
  type PairVerdict,
  type PlanComparisonsRequest,
  ScoreMethod,
  ScorerServiceClient,
  type ScoreGroupsRequest,
  type SignalSpec,
  type Solution,
} from '@overtone/contracts';
import { connect, type Remote, waitForHealthy } from '@overtone/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const service = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
  env: { ...process.env, OVERTONE_EXIT_WITH_PARENT: '1', OVERTONE_LISTEN: '127.0.0.1:0' },
  stdio: ['pipe', 'pipe', 'inherit'],
});
let scorer: Remote<typeof ScorerServiceClient.service>;

beforeAll(async () => {
  const [line] = (await once(createInterface(service.stdout), 'line')) as [string];
  const announced: unknown = JSON.parse(line);
  expect(announced).toEqual({
    event: 'listening',
    service: 'scorer',
    address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  });
  const { address } = announced as { address: string };
  await waitForHealthy(address);
  scorer = connect(ScorerServiceClient, address);
});

afterAll(async () => {
  scorer.close();
  service.kill('SIGTERM');
  const [code] = (await once(service, 'exit')) as [number | null];
  expect(code).toBe(0);
});

const bradleyTerry: SignalSpec = {
  method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
  reversed: false,
  seed: 0,
  residualiseLength: false,
};

function solutions(size: number): Solution[] {
  return Array.from({ length: size }, (_, index) => ({
    index,
    text: `solution ${index}`,
    meanEntropy: 0.1 * (index + 1),
    meanLogprob: -0.5,
    tokens: 20 + index,
  }));
}

/** Verdicts by which a lower index is better, the more so the larger the distance. */
function verdicts(size: number): PairVerdict[] {
  return solutions(size).flatMap(({ index: i }) =>
    solutions(size)
      .slice(i + 1)
      .map(({ index: j }) => ({
        i,
        j,
        forward: 0.5 + (0.45 * (j - i)) / size,
        backward: 0.5 + (0.4 * (j - i)) / size,
      })),
  );
}

function* groups(count: number, size = 8): Generator<ScoreGroupsRequest> {
  const [of, on] = [solutions(size), verdicts(size)];
  for (let group = 0; group < count; group++) {
    yield {
      problemId: `p${group}`,
      signal: bradleyTerry,
      solutions: of,
      verdicts: on,
      panel: [],
      components: [],
    };
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

describe('the scorer process', () => {
  it('plans, scores and assesses over the wire', async () => {
    const plan: PlanComparisonsRequest = {
      problemId: 'p',
      solutions: [...solutions(3), { ...solutions(4)[3], text: 'solution 0' } as Solution],
      plan: ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS,
      verdicts: [],
      maxPairs: 0,
      seed: 0,
    };
    const [planned] = await collect(scorer.planComparisons([plan]));
    expect(planned).toEqual({
      problemId: 'p',
      pairs: [
        { i: 0, j: 1 },
        { i: 0, j: 2 },
        { i: 1, j: 2 },
      ],
    });

    const [scored] = await collect(scorer.scoreGroups(groups(1, 4)));
    const scores = scored?.scores ?? [];
    expect(scores.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(scores.map(({ score }) => score)).toEqual(scores.map(({ score }) => score).sort((a, b) => b - a));
    expect(scores.every(({ standardError }) => standardError > 0 && standardError < 1)).toBe(true);

    const fidelity = await scorer.assessFidelity(
      [0, 1, 2].map((group) => ({
        problemId: `p${group}`,
        solutions: solutions(4),
        scores,
        // An unreadable order leaves its field unset on the wire, which differs from a probability of 0.
        verdicts: verdicts(4).map((verdict, pair) =>
          pair === 0 ? { ...verdict, forward: undefined } : verdict,
        ),
        audit: verdicts(4).map(({ i, j }) => ({ i, j, forward: i === 2 ? 0 : 1, backward: i === 2 ? 0 : 1 })),
        signal: bradleyTerry,
      })),
    );
    expect(fidelity).toMatchObject({ groups: 3, auditedPairs: 18, orderConsistency: 1, intransitivity: 0 });
    expect(fidelity.unreadable).toBeCloseTo(1 / 12, 12);
    expect(fidelity.tau?.value).toBeGreaterThan(0.6);
    expect(fidelity.lengthCorrelation).toBeCloseTo(-1, 12);
  });

  it('plans in rounds until there is nothing left to ask', async () => {
    const known = verdicts(8);
    const told: PairVerdict[] = [];
    for (;;) {
      const request = {
        problemId: 'p',
        solutions: solutions(8),
        plan: ComparisonPlan.COMPARISON_PLAN_ACTIVE,
        verdicts: told,
        maxPairs: 9,
        seed: 1,
      };
      const [planned] = await collect(scorer.planComparisons([request]));
      const pairs = planned?.pairs ?? [];
      if (pairs.length === 0) break;
      for (const { i, j } of pairs)
        told.push(...known.filter((verdict) => verdict.i === i && verdict.j === j));
    }
    expect(new Set(told).size).toBe(9);
  });

  it('weighs a panel by what it estimates, and combines signals', async () => {
    const panel = [
      { judge: 'good', reliability: 0, verdicts: verdicts(8) },
      { judge: 'alike', reliability: 0, verdicts: verdicts(8) },
      {
        judge: 'contrary',
        reliability: 0,
        verdicts: verdicts(8).map(({ i, j }) => ({ i, j, forward: 0.2, backward: 0.2 })),
      },
    ];
    const groups = ['p0', 'p1', 'p2'].map((problemId) => ({ problemId, solutions: solutions(8), panel }));
    const { judges } = await scorer.estimateReliability(groups);
    expect(judges.map(({ judge, pairs }) => [judge, pairs])).toEqual([
      ['good', 84],
      ['alike', 84],
      ['contrary', 84],
    ]);
    const [good, , contrary] = judges.map(({ reliability }) => reliability);
    expect(contrary).toBeLessThan(0);
    expect(good).toBeGreaterThan(0);
    const weighed = panel.map((own, place) => ({ ...own, reliability: judges[place]?.reliability ?? 0 }));
    const request = { problemId: 'p', solutions: solutions(8), verdicts: [], panel: weighed, components: [] };
    const spec = { ...bradleyTerry, method: ScoreMethod.SCORE_METHOD_PANEL };
    const [scored] = await collect(scorer.scoreGroups([{ ...request, signal: spec }]));
    const scores = scored?.scores ?? [];
    expect(scores[0]?.score).toBeGreaterThan(scores[7]?.score ?? Infinity);
    const combining = { ...bradleyTerry, method: ScoreMethod.SCORE_METHOD_COMBINATION };
    const components = [{ weight: -1, scores }];
    const [combined] = await collect(scorer.scoreGroups([{ ...request, signal: combining, components }]));
    expect(combined?.scores[0]?.score).toBeLessThan(combined?.scores[7]?.score ?? -Infinity);
  });

  it('answers a long stream in order, at 20,000 verdicts a second or more', async () => {
    await collect(scorer.scoreGroups(groups(100)));
    const count = 1500;
    const start = performance.now();
    let next = 0;
    for await (const { problemId, scores } of scorer.scoreGroups(groups(count))) {
      expect(problemId).toBe(`p${next++}`);
      expect(scores).toHaveLength(8);
    }
    const rate = (count * 28 * 1000) / (performance.now() - start);
    expect(next).toBe(count);
    expect(rate).toBeGreaterThan(20_000);
  });

  it.each([
    ['verdicts[0].j: is 9', { verdicts: [{ i: 0, j: 9, forward: 1 }] }],
    ['verdicts[0].forward: is 1.5', { verdicts: [{ i: 0, j: 1, forward: 1.5 }] }],
    ['solutions: has 1', { solutions: solutions(1) }],
    ['signal: is missing', { signal: undefined }],
    ['signal: differs', { signal: { ...bradleyTerry, reversed: true } }],
    ['signal: differs', { signal: { ...bradleyTerry, residualiseLength: true } }],
  ] as [string, Partial<ScoreGroupsRequest>][])('refuses bad input: %s …', async (message, change) => {
    const [first, second] = groups(2, 3) as Iterable<ScoreGroupsRequest>;
    const requests = [first, { ...second, ...change }] as ScoreGroupsRequest[];
    const inSecond = message.startsWith('signal: is missing')
      ? [requests[1] as ScoreGroupsRequest]
      : requests;
    const answers: string[] = [];
    const failure = (async () => {
      for await (const { problemId } of scorer.scoreGroups(inSecond)) answers.push(problemId);
    })();
    await expect(failure).rejects.toMatchObject({
      codeName: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
    await expect(failure).rejects.toThrow(/problem "p1"/);
    expect(answers).toEqual(inSecond.length === 2 ? ['p0'] : []);
  });

  it('refuses an assessment whose scores do not fit its solutions', async () => {
    const request = {
      problemId: 'p',
      solutions: solutions(2),
      scores: [],
      verdicts: [],
      audit: [],
      signal: undefined,
    };
    await expect(scorer.assessFidelity([request])).rejects.toThrow(
      /INVALID_ARGUMENT: scores: has 0 scores for 2 solutions/,
    );
  });
});
