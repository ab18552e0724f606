import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  EntropyKind,
  GeneratorServiceService,
  JudgeServiceClient,
  Outcome,
  type CompareRequest,
  type DescribeModelResponse,
  type ScoreRequest,
  type ScoreResponse,
} from '@overtone/contracts';
import { bidiHandler, connect, serve, unaryHandler, waitForHealthy } from '@overtone/rpc';
import { afterEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function start(environment: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  return child;
}

/** Starts the judge's process and waits for the line that says where it listens. */
async function startJudge(
  environment: Record<string, string>,
): Promise<{ child: ChildProcess; address: string }> {
  const child = start(environment);
  if (!child.stdout) throw new Error('no stdout');
  for await (const line of createInterface(child.stdout)) {
    const { event, service, address } = JSON.parse(line) as Record<string, string>;
    expect({ event, service }).toEqual({ event: 'listening', service: 'judge' });
    await waitForHealthy(address ?? '');
    return { child, address: address ?? '' };
  }
  throw new Error('the judge ended before it listened');
}

const STEPS = '1 + 1 = 2\n\\boxed{2}';
const DIRECT = 'So\n\\boxed{2}';

function* comparisons(count: number): Generator<CompareRequest> {
  for (let i = 0; i < count; i++) {
    const [first, second] = i % 2 === 0 ? [STEPS, DIRECT] : [DIRECT, STEPS];
    yield { id: `c${i}`, question: '1 + 1', first, second };
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('the judge process', () => {
  it('judges by the rubric over the wire, and drains when told to end', async () => {
    const { child, address } = await startJudge({ OVERTONE_JUDGE: 'rubric' });
    const judge = connect(JudgeServiceClient, address);
    const description = await judge.describe({});
    expect(description).toMatchObject({ name: 'rubric', backend: 'rubric' });
    expect(description.fingerprint).toMatch(/^[0-9a-f]{64}$/);

    const verdicts = await collect(judge.compare(comparisons(500)));
    expect(verdicts).toHaveLength(500);
    for (const { id, preferenceFirst, outcome } of verdicts) {
      const first = Number(id.slice(1)) % 2 === 0;
      expect([preferenceFirst, outcome]).toEqual(
        first ? [1, Outcome.OUTCOME_FIRST] : [0, Outcome.OUTCOME_SECOND],
      );
    }
    const same = await collect(judge.compare([{ id: 'a', question: 'q', first: STEPS, second: STEPS }]));
    expect(same).toMatchObject([{ preferenceFirst: 0.5, outcome: Outcome.OUTCOME_TIE }]);

    await expect(
      collect(judge.compare([{ id: 'a', question: 'q', first: '', second: STEPS }])),
    ).rejects.toThrow(/INVALID_ARGUMENT.*first: must not be empty/);
    judge.close();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('judges through a generator', async () => {
    // A test double of GeneratorService: it finds "Judgment: 0" as likely as the first solution is long.
    const model: DescribeModelResponse = {
      model: 'double',
      sha256: 'abc',
      architecture: '',
      parameters: 0,
      vocabularySize: 0,
      contextLength: 0,
      backend: '',
      entropyKind: EntropyKind.ENTROPY_KIND_NONE,
    };
    const generator = await serve({
      name: 'generator-double',
      services: [
        {
          definition: GeneratorServiceService,
          implementation: {
            generate: unaryHandler(() => Promise.reject(new Error('not asked for'))),
            describeModel: unaryHandler(() => model),
            score: bidiHandler(async function* (
              requests: AsyncIterable<ScoreRequest>,
            ): AsyncGenerator<ScoreResponse> {
              for await (const { id, messages } of requests) {
                const [, first = '', second = ''] =
                  /First:\n([^]*)\nSecond:\n([^]*)$/.exec(messages[0]?.content ?? '') ?? [];
                yield {
                  id,
                  tokenLogprobs: [],
                  tokenEntropies: [],
                  tokenEnds: [],
                  continuationLogprobs: [first.length / 10, second.length / 10],
                  usage: { promptTokens: 9, completionTokens: 2 },
                };
              }
            }),
          },
        },
      ],
    });
    const { address } = await startJudge({
      OVERTONE_JUDGE: 'generator',
      OVERTONE_JUDGE_NAME: 'self',
      OVERTONE_GENERATOR: generator.address,
      OVERTONE_JUDGE_TEMPLATE: 'miniature',
    });
    const judge = connect(JudgeServiceClient, address);
    expect(await judge.describe({})).toMatchObject({ name: 'self', backend: 'generator' });
    const verdicts = await collect(judge.compare(comparisons(300)));
    expect(verdicts).toHaveLength(300);
    for (const { id, preferenceFirst, usage } of verdicts) {
      const sign = Number(id.slice(1)) % 2 === 0 ? 1 : -1;
      const expected = 1 / (1 + Math.exp((-sign * (STEPS.length - DIRECT.length)) / 10));
      expect(preferenceFirst).toBeCloseTo(expected, 10);
      expect(usage).toEqual({ promptTokens: 9, completionTokens: 2 });
    }
    judge.close();
    await generator.close();
  });

  it.each([
    [{}, 'OVERTONE_JUDGE: expected "rubric" or "generator"'],
    [{ OVERTONE_JUDGE: 'generator' }, 'OVERTONE_GENERATOR: set it'],
    [
      { OVERTONE_JUDGE: 'generator', OVERTONE_GENERATOR: '127.0.0.1:1', OVERTONE_JUDGE_TEMPLATE: 'nope' },
      'no judging template "nope"',
    ],
  ])('refuses %j in one line, with exit code 2', async (environment, message) => {
    const child = start(environment);
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    expect(await once(child, 'close')).toEqual([2, null]);
    expect(text).toContain(message);
    expect(text.trim().split('\n')).toHaveLength(1);
  });
});
