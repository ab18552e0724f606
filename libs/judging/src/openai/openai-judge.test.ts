import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outcome, type CompareRequest, type CompareResponse } from '@overtone/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadTemplate } from '../template.ts';
import { JudgeApi, type JudgeApiBehaviour, type JudgeFault } from './judge-api.fixture.ts';
import { keyFromFile } from './key-file.ts';
import { openAiJudge, type OpenAiJudgeOptions } from './openai-judge.ts';

const KEY = 'sk-secret-0042';
const template = loadTemplate('verdict-only');
const usual: JudgeApiBehaviour = { ...new JudgeApi().behaviour, apiKey: KEY };
const signal = new AbortController().signal;
const api = new JudgeApi(usual);
let baseUrl = '';

beforeAll(async () => {
  baseUrl = await api.start();
});
beforeEach(() => {
  api.behaviour = usual;
  api.paid.clear();
  api.asked.length = 0;
  api.peak = 0;
});
afterAll(() => api.close());

/** Pairs of a longer and a shorter solution; the longer one comes first in those with even numbers. */
function* pairs(count: number): Generator<CompareRequest> {
  for (let at = 0; at < count; at++) {
    const [long, short] = [`a long and careful solution ${at}`, `short ${at}`];
    const [first, second] = at % 2 === 0 ? [long, short] : [short, long];
    yield { id: `c${at}`, question: 'Which?', first, second };
  }
}

async function judge(
  options: Partial<OpenAiJudgeOptions> = {},
  requests: Iterable<CompareRequest> = pairs(1),
): Promise<CompareResponse[]> {
  const backend = openAiJudge({ baseUrl, apiKey: KEY, template, retries: 2, concurrency: 4, ...options });
  try {
    const answers: CompareResponse[] = [];
    for await (const answer of backend.compare(asyncly(requests), signal)) answers.push(answer);
    return answers;
  } finally {
    await backend.close();
  }
}

async function* asyncly<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item);
}

/** A fault for requests of these numbers, from now on. */
function failing(fault: (n: number) => JudgeFault | undefined): void {
  api.behaviour = { ...api.behaviour, fault };
}

describe('the judge behind a chat API', () => {
  it('reads probabilities where the server gives them, with no call to find that out', async () => {
    const answers = await judge({}, pairs(20));
    expect(answers).toHaveLength(20);
    for (const { id, preferenceFirst, outcome, usage } of answers) {
      const first = Number(id.slice(1)) % 2 === 0;
      expect(preferenceFirst).toBeCloseTo(first ? 0.9 : 0.1, 6);
      expect(outcome).toBe(first ? Outcome.OUTCOME_FIRST : Outcome.OUTCOME_SECOND);
      expect(usage?.promptTokens).toBe(100);
    }
    expect(api.calls).toBe(20);
    expect(api.peak).toBeLessThanOrEqual(4);
    expect(api.asked[0]).toMatchObject({
      temperature: 0,
      logprobs: true,
      response_format: { type: 'json_schema' },
    });
  });

  it.each([
    [{ schema: true, logprobs: false }, 1],
    [{ schema: false, logprobs: true }, 0.9],
    [{ schema: false, logprobs: false }, 1],
  ])('steps down to what the server accepts: %j', async (accepts, preference) => {
    api.behaviour = { ...usual, accepts };
    const answers = await judge({}, pairs(6));
    expect(answers.find(({ id }) => id === 'c0')?.preferenceFirst).toBeCloseTo(preference, 6);
    // What was refused was not paid for, and was refused once.
    expect(api.calls).toBe(6);
    expect(api.asked.length).toBeLessThanOrEqual(6 + 2);
  });

  it('takes the hard verdict where a server promises log-probabilities and gives none, unless they are required', async () => {
    api.behaviour = { ...usual, withholdsLogprobs: true };
    expect((await judge())[0]?.preferenceFirst).toBe(1);
    expect((await judge({ mode: 'logprobs' }))[0]?.outcome).toBe(Outcome.OUTCOME_UNREADABLE);
  });

  it('asks for nothing that its mode does not name', async () => {
    await judge({ mode: 'text' });
    expect(api.asked[0]).not.toHaveProperty('response_format');
    expect(api.asked[0]).not.toHaveProperty('logprobs');
    api.behaviour = { ...usual, accepts: { schema: false, logprobs: true } };
    await expect(judge({ mode: 'json-schema' })).rejects.toThrow(/response_format/);
  });

  it.each<[string, JudgeFault]>([
    ['a refusal', { content: '', refusal: 'I cannot help with that.' }],
    ['a filtered answer', { content: 'Judgment: 0', finish: 'content_filter' }],
    ['truncated JSON', { content: '{"better": "', finish: 'length' }],
    ['JSON of something else', { content: '{"better": "2"}' }],
    ['JSON with more', { content: '{"better": "0", "score": 9}' }],
    ['nonsense', { content: 'Both have their merits.' }],
    ['two verdicts', { content: 'Judgment: 0\nJudgment: 1' }],
    ['nothing', { content: '' }],
    ['a body that ends in the middle', 'truncate'],
    ['a question that is too long', { status: 400, message: 'exceeds the context length' }],
  ])('finds %s unreadable, and asks no second time', async (_, fault) => {
    failing((n) => (n === 2 ? fault : undefined));
    const answers = await judge({ concurrency: 1 }, pairs(4));
    const unreadable = answers.filter(({ outcome }) => outcome === Outcome.OUTCOME_UNREADABLE);
    expect(unreadable.map(({ id }) => id)).toEqual(['c1']);
    expect(api.asked).toHaveLength(4);
  });

  it('tries again after 429, 5xx and broken connections, as long as Retry-After says', async () => {
    const retry = { 'retry-after-ms': '20' };
    failing((n) =>
      n === 1
        ? { status: 429, headers: retry }
        : n === 3
          ? { status: 503, headers: retry }
          : n === 5
            ? 'cut'
            : n === 7
              ? 'down'
              : undefined,
    );
    const answers = await judge({ concurrency: 1 }, pairs(6));
    expect(answers.every(({ outcome }) => outcome !== Outcome.OUTCOME_UNREADABLE)).toBe(true);
    expect(answers).toHaveLength(6);
  });

  it('gives up a request that takes too long, and opens the circuit when they all do', async () => {
    failing(() => 'hang');
    await expect(
      judge({ timeoutMs: 50, retries: 0, breaker: { threshold: 3, pauseMs: 60_000 } }, pairs(50)),
    ).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      message: expect.stringMatching(/no answer within 0\.05 s/),
    });
    // Fifty comparisons were wanted; the circuit was open after three failures and those that were under way.
    expect(api.asked.length).toBeLessThanOrEqual(8);
  });

  it('hands on what was answered before the circuit opened', async () => {
    failing((n) => (n > 10 ? { status: 500, headers: { 'retry-after-ms': '1' } } : undefined));
    const backend = openAiJudge({ baseUrl, apiKey: KEY, template, retries: 0, concurrency: 4 });
    const answers: string[] = [];
    const run = async (): Promise<void> => {
      for await (const { id } of backend.compare(asyncly(pairs(50)), signal)) answers.push(id);
    };
    await expect(run()).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
    expect(answers).toHaveLength(10);
    await backend.close();
  });

  it('lets one comparison try when the pause is over, then all', async () => {
    let down = true;
    failing(() => (down ? { status: 500 } : undefined));
    const options = { retries: 0, breaker: { threshold: 2, pauseMs: 30 } };
    const backend = openAiJudge({ baseUrl, apiKey: KEY, template, concurrency: 2, ...options });
    const run = async (count: number): Promise<number> => {
      let answers = 0;
      for await (const _ of backend.compare(asyncly(pairs(count)), signal)) answers++;
      return answers;
    };
    await expect(run(9)).rejects.toThrow(/told to fail/);
    const asked = api.asked.length;
    await expect(run(9)).rejects.toThrow(/not asked for now/);
    expect(api.asked.length).toBe(asked);
    down = false;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(await run(9)).toBe(9);
    await backend.close();
  });

  it.each([
    ['a model that is not there', { model: 'nobody' }, /no model "nobody".*"arbiter"/],
    ['a key that is refused', { apiKey: 'sk-wrong-1234' }, /refuses the credentials/],
  ])('refuses %s at once, without a secret in the error', async (_, options, message) => {
    const failed: unknown = await judge(options).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringMatching(message),
    });
    expect(String(failed)).not.toMatch(/sk-(wrong|secret)/);
    expect(api.asked).toHaveLength(0);
  });

  it('refuses a wrong model at once where the server has no list of models', async () => {
    api.behaviour = { ...usual, lists: false };
    await expect(judge({ model: 'nobody' }, pairs(30))).rejects.toThrow(/does not exist/);
    // Those that were under way, each once.
    expect(api.asked.length).toBeLessThanOrEqual(4);
  });

  it('goes on with the rotated key when one expires, and never says either', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'overtone-key-'));
    try {
      const file = join(folder, 'key');
      await writeFile(file, `${KEY}\n`);
      let rotate = false;
      failing((n) => {
        if (n === 5 && !rotate) {
          rotate = true;
          api.behaviour = { ...api.behaviour, apiKey: 'sk-rotated-7' };
        }
        return undefined;
      });
      await writeFile(file, 'sk-rotated-7\n');
      const rereadKey = (): string => keyFromFile(file);
      const answers = await judge({ rereadKey, apiKey: KEY }, pairs(20));
      expect(answers).toHaveLength(20);
      expect(Math.max(...api.paid.values())).toBe(1);
      // Expired, and not rotated.
      api.behaviour = { ...usual, apiKey: 'sk-third' };
      const failed: unknown = await judge({ rereadKey, apiKey: KEY }).catch((error: unknown) => error);
      expect(failed).toMatchObject({ codeName: 'FAILED_PRECONDITION' });
      expect(String(failed)).not.toContain('sk-');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('has a fingerprint of all that determines verdicts, and a bound of what they cost', async () => {
    const describe = async (options: Partial<OpenAiJudgeOptions>) => {
      const backend = openAiJudge({ baseUrl, apiKey: KEY, template, ...options });
      const described = await backend.describe(signal);
      await backend.close();
      return described;
    };
    const plain = await describe({});
    expect((await describe({ name: 'x', concurrency: 1 })).fingerprint).toBe(plain.fingerprint);
    const others: Partial<OpenAiJudgeOptions>[] = [
      { mode: 'text' },
      { analysisTokens: 100 },
      { template: loadTemplate('analysis-then-verdict') },
      { parameters: { reasoning_effort: 'low' } },
    ];
    const prints = await Promise.all(others.map(async (options) => (await describe(options)).fingerprint));
    expect(new Set([plain.fingerprint, ...prints]).size).toBe(5);
    expect(plain.costBound?.completionTokens).toBe(32);
  });
});
