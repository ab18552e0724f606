// Judging by an API that fails, in the ways that APIs do: nothing is paid for twice, and everything that was paid for is kept.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { JudgeServiceClient, ScorerServiceClient, type PairVerdict } from '@overtone/contracts';
import { Supervisor } from '@overtone/experiment';
import {
  describeJudge,
  type JudgedSummary,
  judgeQuestions,
  parseJudgeSpec,
  readQuestions,
} from '@overtone/experiment/judging';
import { loadTemplate } from '@overtone/judging';
import { openAiJudge } from '@overtone/judging/openai';
import { connect, serve, type Remote } from '@overtone/rpc';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JudgeApi, type JudgeApiBehaviour } from '../../libs/judging/src/openai/judge-api.fixture.ts';
import { judgeService } from '../../services/judge/src/handlers.ts';

const CLI = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
const KEY = 'sk-mounted-1';
const QUESTIONS = 12;
/** Of four different solutions. */
const PAIRS = QUESTIONS * 6;
const usual: JudgeApiBehaviour = { ...new JudgeApi().behaviour, apiKey: KEY };

const api = new JudgeApi(usual);
const supervisor = new Supervisor();
let scorer: Remote<typeof ScorerServiceClient.service>;
let url = '';
let folder = '';
let store = '';
let count = 0;

beforeAll(async () => {
  url = await api.start();
  scorer = connect(ScorerServiceClient, await supervisor.start('scorer', {}));
  folder = await mkdtemp(join(tmpdir(), 'overtone-judge-'));
  const rows = Array.from({ length: QUESTIONS }, (_, at) => ({
    id: `q${at}`,
    question: `Question ${at}?`,
    // The fourth is the third again.
    solutions: ['a', 'bb', 'ccc', 'ccc', 'dddd'].map((text) => ({ text: `${text} ${at}` })),
  }));
  await writeFile(join(folder, 'questions.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
beforeEach(async () => {
  api.behaviour = usual;
  api.paid.clear();
  api.asked.length = 0;
  store = join(folder, `store-${++count}`);
  await writeFile(join(folder, 'key'), KEY);
});
afterAll(async () => {
  scorer.close();
  await Promise.all([api.close(), supervisor.stop()]);
  await rm(folder, { recursive: true, force: true });
});

interface Judged {
  readonly summary: JudgedSummary | undefined;
  readonly verdicts: readonly PairVerdict[];
  readonly said: readonly string[];
}

/** Judges the questions with a judge service of its own; the same call again is the same command. */
async function judge(settings = '', aborted = new AbortController().signal): Promise<Judged> {
  const backend = openAiJudge({
    baseUrl: url,
    apiKey: KEY,
    template: loadTemplate('verdict-only'),
    concurrency: 2,
    retries: 0,
    breaker: { pauseMs: 20 },
  });
  const service = await serve({ name: 'judge', services: [judgeService(backend)] });
  const remote = connect(JudgeServiceClient, service.address);
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const { name, settings: parsed } = parseJudgeSpec(
    `api={backend: openai, baseUrl: "${url}", concurrency: 2${settings}}`,
  );
  try {
    const rows = judgeQuestions(readQuestions(join(folder, 'questions.jsonl')), {
      scorer,
      judges: [await describeJudge(name, remote, parsed, { signal: aborted, say })],
      store: openStore(pathToFileURL(store).href),
      signal: aborted,
      runId: 'run',
      progress: { say },
    });
    const verdicts: PairVerdict[] = [];
    for (;;) {
      const next = await rows.next();
      if (next.done === true) return { summary: next.value[0], verdicts, said };
      verdicts.push(...(next.value.verdicts.api as PairVerdict[]));
    }
  } finally {
    remote.close();
    await Promise.all([service.close(), backend.close()]);
  }
}

function mostPaid(): number {
  return Math.max(...api.paid.values());
}

describe('judging by an API that fails', () => {
  it('pauses while the API is down, says so, and pays for nothing twice', async () => {
    let asked = 0;
    // Down for some time: five requests that fail, two of them trials.
    api.behaviour = { ...usual, fault: (n) => (n > 40 && asked++ < 5 ? 'down' : undefined) };
    const { said, summary, verdicts } = await judge();
    expect(said.join('\n')).toMatch(
      /judge "api" is down \(.*\): the stage pauses, \d+ verdicts are kept; trying again in .*\n[^]*judge "api" answers again/,
    );
    expect(summary).toMatchObject({
      calls: 2 * PAIRS,
      pairs: PAIRS,
      unreadable: 0,
      promptTokens: 200 * PAIRS,
    });
    expect(verdicts.every(({ forward, backward }) => forward !== undefined && backward !== undefined)).toBe(
      true,
    );
    expect([api.calls, mostPaid()]).toEqual([2 * PAIRS, 1]);
    // Identical solutions were never compared.
    expect([...api.paid.keys()].filter((key) => new Set(JSON.parse(key) as string[]).size === 1)).toEqual([]);
  });

  it('costs nothing when it is repeated, also in other chunks and with another plan', async () => {
    const first = await judge();
    const again = await judge(', plan: active');
    expect(api.calls).toBe(2 * PAIRS);
    expect(again.summary).toMatchObject({ callsNow: 0 });
    expect(first.verdicts).toEqual(expect.arrayContaining([...again.verdicts]));
  });

  it('takes up what an interrupted run has left, within its budget', async () => {
    const budget = ', budget: {calls: 61}';
    api.behaviour = { ...usual, delayMs: 10 };
    const interrupt = new AbortController();
    const watch = setInterval(() => {
      if (api.calls >= 25) interrupt.abort(new Error('killed'));
    }, 1);
    await expect(judge(budget, interrupt.signal)).rejects.toThrow('killed');
    clearInterval(watch);
    const before = api.calls;
    expect(before).toBeLessThan(40);
    await judge(budget);
    // What was in flight may have been paid for: it counts, and is had again only within the budget.
    expect(api.calls).toBeLessThanOrEqual(61);
    expect(api.calls).toBeGreaterThanOrEqual(61 - 6);
    expect([...api.paid.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(4);
    const paid = api.calls;
    const { summary } = await judge(budget);
    expect(api.calls).toBe(paid);
    expect(summary?.unjudged).toBeGreaterThan(0);
  });

  it('keeps budgets to the unit: calls, tokens, currency', async () => {
    const bought = async (budget: string): Promise<number> => {
      api.paid.clear();
      store = join(folder, `store-${++count}`);
      const { summary } = await judge(`, budget: {${budget}}`);
      expect(summary?.calls).toBe(api.calls);
      return api.calls;
    };
    expect(await bought('calls: 40')).toBe(40);
    expect(await bought('calls: 0')).toBe(0);
    // An answer costs 106 tokens; what it may cost at most, some 2,500, is set aside before it is asked for, for both orders.
    const tokens = 106 * (await bought('tokens: 9000'));
    expect(tokens).toBeLessThanOrEqual(9000);
    expect(tokens).toBeGreaterThan(9000 - 2 * 2500);
    const price = 'currency: {amount: 0.009, promptPerMillion: 1, completionPerMillion: 2}';
    const cost = ((await bought(price)) * (100 + 2 * 6)) / 1e6;
    expect(cost).toBeLessThanOrEqual(0.009);
    expect(cost).toBeGreaterThan(0.009 - 2 * 0.0025);
  });

  it('counts what cannot be read, and never makes a preference of it', async () => {
    const faults = [
      { content: '{"better":' },
      { content: '', refusal: 'no' },
      'truncate',
      { content: 'Both.' },
    ] as const;
    api.behaviour = { ...usual, fault: (n) => (n <= 4 ? undefined : faults[n - 5]) };
    const { summary, verdicts } = await judge();
    expect(summary?.unreadable).toBeCloseTo(4 / (2 * PAIRS), 12);
    const readable = verdicts
      .flatMap(({ forward, backward }) => [forward, backward])
      .filter((p) => p !== undefined);
    expect(readable).toHaveLength(2 * PAIRS - 4);
    expect(api.calls).toBe(2 * PAIRS);
  });
});

/** The command, on the same questions. */
async function command(settings = ''): Promise<{ code: number | null; said: string }> {
  const spec = `api={backend: openai, baseUrl: "${url}", apiKeyFile: ${join(folder, 'key')}, concurrency: 2, retries: 1${settings}}`;
  const out = join(store, 'verdicts.jsonl');
  const child = spawn(
    process.execPath,
    [CLI, 'judge', join(folder, 'questions.jsonl'), '--judge', spec, '--out', out, '--json'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

describe('overtone judge', { timeout: 60_000 }, () => {
  it('ends with code 75 and one line when an API stays down, with code 1 when its key expires, and goes on each time', async () => {
    api.behaviour = { ...usual, fault: (n) => (n > 40 ? 'down' : undefined) };
    const down = await command(', patienceSeconds: 1');
    expect(down.code).toBe(75);
    expect(down.said.trim().split('\n').at(-1)).toMatch(
      /^overtone: judge "api" has been down for .*; 40 verdicts are kept, and the same command continues$/,
    );
    api.behaviour = {
      ...usual,
      fault: (n) => {
        if (n === 90) api.behaviour = { ...api.behaviour, apiKey: 'sk-mounted-2' };
        return undefined;
      },
    };
    const expired = await command(', patienceSeconds: 1');
    expect(expired.code).toBe(1);
    expect(expired.said.trim().split('\n').at(-1)).toMatch(/refuses the credentials.*OVERTONE_JUDGE_API_KEY/);
    await writeFile(join(folder, 'key'), 'sk-mounted-2');
    expect(await command(', patienceSeconds: 1')).toMatchObject({ code: 0 });
    expect([api.calls, mostPaid()]).toEqual([2 * PAIRS, 1]);
    const logs = await readFile(join(store, 'verdicts.jsonl.store/logs/judge-api.log'), 'utf8');
    expect(down.said + expired.said + logs).not.toContain('sk-mounted');
  });

  it('refuses a wrong model with one line and code 2', async () => {
    const { code, said } = await command(', model: nobody');
    expect(code).toBe(2);
    expect(said.trim().split('\n').at(-1)).toMatch(
      /^overtone: service judge-api did not start: .*no model "nobody"/,
    );
  });
});
