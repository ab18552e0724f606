// The generator before an OpenAI-compatible server that fails, in every way that servers do: real processes, over the wire.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { EntropyKind, FinishReason, type ArtifactRef, type GenerateRequest } from '@overtone/contracts';
import { readTokenizer } from '@overtone/language-model';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  failedStart,
  generateAll,
  startGenerator,
  type GeneratorProcess,
} from './generator-process.fixture.ts';
import {
  distribution,
  FakeServer,
  tinyAnswer,
  VOCABULARY,
  type Answer,
  type Behaviour,
} from './openai-server.fixture.ts';

const MINIATURE = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const KEY = 'sk-very-secret-4711';
const usual: Behaviour = { ...new FakeServer().behaviour, apiKey: KEY };

let server: FakeServer;
let url: string;
let root: string;
let adapters: ArtifactRef[];
const running: GeneratorProcess[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-openai-'));
  const store = openStore(pathToFileURL(join(root, 'artifacts')).href);
  adapters = [];
  for (const name of ['one', 'two', 'three']) {
    const folder = join(root, name);
    await mkdir(folder);
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ name }));
    adapters.push(await store.putFolder(folder, 'application/vnd.overtone.adapter'));
  }
  server = new FakeServer(usual);
  url = await server.start();
});

beforeEach(() => {
  server.behaviour = usual;
  server.received.length = 0;
  server.peak = 0;
});

afterAll(async () => {
  await Promise.all(running.map((process) => process.stop()));
  await server.close();
  await rm(root, { recursive: true, force: true });
});

async function start(environment: Record<string, string> = {}): Promise<GeneratorProcess> {
  const started = await startGenerator({
    OVERTONE_OPENAI_BASE_URL: url,
    OPENAI_API_KEY: KEY,
    OVERTONE_OPENAI_RETRIES: '2',
    OVERTONE_ARTIFACTS: pathToFileURL(join(root, 'artifacts')).href,
    ...environment,
  });
  running.push(started);
  return started;
}

function request(
  change: Partial<NonNullable<GenerateRequest['sampling']>> = {},
  prompts = 3,
): GenerateRequest {
  return {
    adapter: undefined,
    prompts: Array.from({ length: prompts }, (_, index) => ({
      id: `p${index}`,
      messages: [{ role: 'user', content: `Question ${index}` }],
    })),
    sampling: { samples: 4, temperature: 0.6, topP: 0.9, maxNewTokens: 5, seed: 3, stop: [], ...change },
  };
}

/** A server whose n-th completion, counted from when this is called, meets a fault. */
function failing(fault: Behaviour['fault']): void {
  let seen = 0;
  server.behaviour = { ...usual, fault: () => fault(++seen) };
}

describe('the generator before a server', () => {
  let plain: GeneratorProcess;
  beforeAll(async () => {
    plain = await start();
  });

  it('describes what the server says, and nothing that it cannot know', async () => {
    expect(await plain.generator.describeModel({})).toEqual({
      model: 'tiny',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      architecture: '',
      parameters: 9,
      vocabularySize: VOCABULARY.length,
      contextLength: 64,
      backend: 'openai',
      entropyKind: EntropyKind.ENTROPY_KIND_NONE,
    });
  });

  it('draws every sample with its own seed, however it is asked for, and says all parameters', async () => {
    const all = await generateAll(plain.generator, request({ stop: ['\n\n'] }));
    expect(all).toHaveLength(12);
    const seeds = new Set(server.completions.map(({ body }) => body.seed));
    expect(seeds.size).toBe(12);
    expect(server.completions[0]?.body).toMatchObject({
      model: 'tiny',
      temperature: 0.6,
      top_p: 0.9,
      max_tokens: 5,
      stop: ['\n\n'],
      logprobs: true,
      // Whatever the server's own defaults are.
      samplers: ['temperature', 'top_p'],
      top_k: -1,
      min_p: 0,
    });
    const few = await generateAll(plain.generator, {
      ...request({ samples: 2 }),
      prompts: request().prompts.slice(1, 2),
    });
    expect(few).toEqual(all.slice(4, 6));
    for (const sample of all) {
      const answer = tinyAnswer(
        server.completions.find(({ body }) => tinyAnswer(body).text === sample.text)?.body ?? {},
      );
      expect(sample).toMatchObject({
        tokenIds: answer.tokens.map(({ id }) => id),
        finishReason:
          answer.finish === 'stop' ? FinishReason.FINISH_REASON_STOP : FinishReason.FINISH_REASON_LENGTH,
        promptTokens: 5,
        completionTokens: answer.tokens.length,
        entropyKind: EntropyKind.ENTROPY_KIND_NONE,
        tokenEntropies: [],
      });
      sample.tokenLogprobs.forEach((logprob, at) =>
        expect(logprob).toBeCloseTo(distribution(at)[sample.tokenIds[at] ?? 0] ?? NaN, 5),
      );
    }
  });

  it('tries again what the server was too busy for, failed at, or broke off', async () => {
    const whole = await generateAll(plain.generator, request());
    failing((n) =>
      n === 1
        ? { status: 429, headers: { 'retry-after': '0.05' } }
        : n === 3
          ? {
              status: 503,
              body: { error: { message: 'Loading model', code: 503 } },
              headers: { 'retry-after': '0.05' },
            }
          : n === 5
            ? 'cut'
            : n === 7
              ? 'slow'
              : undefined,
    );
    expect(await generateAll(plain.generator, request())).toEqual(whole);
  });

  it.each([
    ['RESOURCE_EXHAUSTED', 'too much to do', { status: 429, headers: { 'retry-after': '0.01' } }],
    ['UNAVAILABLE', 'told to fail', { status: 500, headers: { 'retry-after': '0.01' } }],
    ['INTERNAL', 'the answer is no JSON', 'truncate'],
    ['INTERNAL', 'no chat completion: choices', { status: 200, body: { model: 'tiny', usage: {} } }],
    [
      'INVALID_ARGUMENT',
      'prompts[0]: ',
      { status: 400, body: { error: { message: 'exceeds the context' } } },
    ],
    ['FAILED_PRECONDITION', 'set OPENAI_API_KEY', { status: 403, body: { error: { message: `no ${KEY}` } } }],
    ['FAILED_PRECONDITION', '"another" answers, it was "tiny"', 'other-model'],
    ['FAILED_PRECONDITION', 'takes the reasoning out', 'reasoning'],
  ] as [string, string, ReturnType<Behaviour['fault']>][])(
    'ends with %s: …%s…',
    async (codeName, text, fault) => {
      failing(() => fault);
      const failed: unknown = await generateAll(plain.generator, request({}, 1)).catch(
        (error: unknown) => error,
      );
      expect(failed).toMatchObject({ codeName, message: expect.stringContaining(text) });
      expect(String(failed)).not.toContain(KEY);
    },
  );

  it('goes away from the server when its caller does, and never asks for what was still to come', async () => {
    failing(() => 'hang');
    const controller = new AbortController();
    const asked = generateAll(plain.generator, request({ samples: 40 }), controller.signal);
    await expect.poll(() => server.completions.length).toBe(32);
    controller.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await expect.poll(() => server.completions.every(({ abandoned }) => abandoned)).toBe(true);
    await setTimeout(100);
    expect(server.completions).toHaveLength(32);
  });

  it('cannot score without weights, and says what to do', async () => {
    const target = { $case: 'completion' as const, value: { text: 'x' } };
    const messages = [{ role: 'user', content: 'x' }];
    const score = async (): Promise<void> => {
      for await (const _ of plain.generator.score([{ id: 'a', adapter: undefined, messages, target }]));
    };
    await expect(score()).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringContaining('OVERTONE_MODEL'),
    });
  });

  it('never tells the key', () => {
    expect(running.map(({ said }) => said()).join()).not.toContain(KEY);
  });
});

describe('limits', () => {
  it('keeps to its number of requests for all calls together, and serves them in turn', async () => {
    const { generator } = await start({ OVERTONE_OPENAI_CONCURRENCY: '3' });
    const long = generateAll(generator, request({ samples: 20 }));
    await expect.poll(() => server.completions.length).toBeGreaterThan(3);
    const before = server.completions.length;
    await generateAll(generator, request({ samples: 2, seed: 9 }, 1));
    // The short call did not wait for the 60 samples of the long one.
    expect(server.completions.length).toBeLessThan(before + 20);
    expect(await long).toHaveLength(60);
    expect(server.peak).toBe(3);
  });

  it('gives up on a server that does not answer', async () => {
    const { generator } = await start({ OVERTONE_OPENAI_TIMEOUT_S: '1', OVERTONE_OPENAI_RETRIES: '1' });
    failing((n) => (n === 1 ? 'hang' : undefined));
    expect(await generateAll(generator, request({}, 1))).toHaveLength(4);
    failing(() => 'hang');
    await expect(generateAll(generator, request({}, 1))).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      message: expect.stringContaining('no answer within 1 s'),
    });
  });
});

describe('a start that cannot succeed', () => {
  const attempt = (environment: Record<string, string>) =>
    failedStart({
      OVERTONE_OPENAI_BASE_URL: url,
      OVERTONE_OPENAI_RETRIES: '0',
      OPENAI_API_KEY: KEY,
      ...environment,
    });

  it.each([
    [
      'a wrong key, which the server repeats',
      { OPENAI_API_KEY: 'sk-wrong-0815' },
      /refuses the credentials .*OVERTONE_OPENAI_API_KEY_FILE/,
    ],
    ['a model that is not there', { OVERTONE_OPENAI_MODEL: 'huge' }, /no model "huge"; its models: "tiny"/],
    [
      'nobody there',
      { OVERTONE_OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' },
      /127\.0\.0\.1:9\/v1: no connection/,
    ],
    ['another address', { OVERTONE_OPENAI_BASE_URL: 'localhost:8000' }, /no address of a server/],
  ])('says in one line that there is %s', async (_, environment, expected) => {
    const { code, said } = await attempt(environment);
    expect(code).toBe(2);
    expect(said).toMatch(/^generator: [^\n]*\n$/);
    expect(said).toMatch(expected);
    expect(said).not.toContain('sk-');
  });
});

describe('log-probabilities and entropies', () => {
  const exact = (place: number): number =>
    -distribution(place).reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0);

  it('bounds entropies from the top k, and reads the key from a file', async () => {
    const file = join(root, 'key');
    await writeFile(file, `${KEY}\n`);
    const { generator } = await start({
      OVERTONE_ENTROPY: 'top-k',
      OVERTONE_OPENAI_TOP_LOGPROBS: '3',
      OVERTONE_OPENAI_API_KEY_FILE: file,
      OPENAI_API_KEY: '',
    });
    expect((await generator.describeModel({})).entropyKind).toBe(EntropyKind.ENTROPY_KIND_TOP_K);
    for (const sample of await generateAll(generator, request())) {
      expect(sample.entropyKind).toBe(EntropyKind.ENTROPY_KIND_TOP_K);
      expect(sample.tokenEntropies).toHaveLength(sample.completionTokens);
      sample.tokenEntropies.forEach((entropy, at) => {
        const error = sample.tokenEntropyErrors[at] ?? NaN;
        expect(error).toBeGreaterThan(0.001);
        expect(error).toBeLessThan(0.5);
        expect(Math.abs(exact(at) - entropy)).toBeLessThanOrEqual(error + 1e-6);
      });
    }
  });

  it('notices log-probabilities that are not at temperature 1, and gives them for none that they are not', async () => {
    server.behaviour = { ...usual, processed: true };
    const [none, topK] = await Promise.all([start(), start({ OVERTONE_ENTROPY: 'top-k' })]);
    const [tempered] = await generateAll(none.generator, request({}, 1));
    expect(tempered?.tokenLogprobs).toEqual([]);
    expect(tempered?.tokenIds.length).toBeGreaterThan(0);
    const [whole] = await generateAll(none.generator, request({ temperature: 1, topP: 1 }, 1));
    expect(whole?.tokenLogprobs).toHaveLength(whole?.tokenIds.length ?? NaN);
    await expect(generateAll(topK.generator, request())).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringContaining('--logprobs-mode raw_logprobs'),
    });
    expect(await generateAll(topK.generator, request({ temperature: 1, topP: 1 }, 1))).toHaveLength(4);
  });

  it('wants to know the size of the vocabulary for a bound', async () => {
    server.behaviour = { ...usual, ownedBy: 'vllm' };
    const { said } = await failedStart({
      OVERTONE_OPENAI_BASE_URL: url,
      OPENAI_API_KEY: KEY,
      OVERTONE_ENTROPY: 'top-k',
    });
    expect(said).toContain('set OVERTONE_OPENAI_VOCABULARY');
  });
});

describe('local weights beside a server', () => {
  /** Answers in the miniature's tokens: what a server that hosts it would. */
  async function miniatureServer(extraPromptTokens = 0): Promise<void> {
    const tokenizer = await readTokenizer(MINIATURE);
    const answer = (body: Record<string, unknown>): Answer => {
      const messages = body.messages as { role: string; content: string }[];
      const text = `${Number(body.seed) % 90} + 1`;
      const ids = [...tokenizer.encode(text), tokenizer.eosTokenId];
      return {
        text,
        tokens: ids.map((id, at) => ({
          id,
          text: id === tokenizer.eosTokenId ? '' : tokenizer.decode([id]),
          logprobs: distribution(at),
        })),
        finish: 'stop',
        promptTokens: tokenizer.encodeChat(messages).length + extraPromptTokens,
      };
    };
    server.behaviour = { ...usual, answer };
  }
  const asked = (): GenerateRequest => ({
    ...request({ maxNewTokens: 40 }),
    prompts: [1, 2].map((n) => ({ id: `p${n}`, messages: [{ role: 'user', content: `${n} + 1` }] })),
  });

  it('gives exact entropies by teacher-forcing, and scores', async () => {
    await miniatureServer();
    const { generator } = await start({ OVERTONE_MODEL: MINIATURE });
    expect(await generator.describeModel({})).toMatchObject({
      architecture: 'Qwen3ForCausalLM',
      entropyKind: EntropyKind.ENTROPY_KIND_TEACHER_FORCED,
    });
    const samples = await generateAll(generator, asked());
    expect(samples).toHaveLength(8);
    const requests = samples.map(({ promptId, text }, index) => ({
      id: `${index}`,
      adapter: undefined,
      messages: asked().prompts.find(({ id }) => id === promptId)?.messages ?? [],
      target: { $case: 'completion' as const, value: { text } },
    }));
    let scored = 0;
    for await (const { id, tokenEntropies } of generator.score(requests)) {
      scored += 1;
      const sample = samples[Number(id)];
      expect(sample?.entropyKind).toBe(EntropyKind.ENTROPY_KIND_TEACHER_FORCED);
      expect(sample?.tokenEntropies).toHaveLength(sample?.tokenIds.length ?? NaN);
      tokenEntropies.forEach((entropy, at) => expect(sample?.tokenEntropies[at]).toBeCloseTo(entropy, 4));
    }
    expect(scored).toBe(8);
  });

  it('refuses entropies of another model, which shows in how prompts are read', async () => {
    await miniatureServer(1);
    const { generator } = await start({ OVERTONE_MODEL: MINIATURE });
    await expect(generateAll(generator, asked())).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringMatching(/reads prompt "p1" as \d+ tokens, the local model as \d+/),
    });
  });
});

describe('adapters', () => {
  const vllm: Behaviour = { ...usual, ownedBy: 'vllm', lora: true };
  const named = (adapter: ArtifactRef | undefined): string => `overtone-${adapter?.sha256.slice(0, 16)}`;
  const loads = () => server.received.filter(({ path }) => path === '/v1/load_lora_adapter');

  it('loads each once under the name of its content, where the server sees it, and samples from it', async () => {
    server.behaviour = vllm;
    const { generator } = await start({ OVERTONE_OPENAI_ADAPTER_PATH: `${root}=/mnt/shared` });
    const [adapter] = adapters;
    const samples = await generateAll(generator, { ...request(), adapter });
    expect(samples).toHaveLength(12);
    expect(samples[0]?.tokenIds.length).toBeGreaterThan(0);
    expect(loads()).toHaveLength(1);
    expect(loads()[0]?.body).toMatchObject({
      lora_name: named(adapter),
      lora_path: expect.stringMatching(/^\/mnt\/shared\//),
    });
    expect(new Set(server.completions.map(({ body }) => body.model))).toEqual(new Set([named(adapter)]));
    // Somebody else's, or its own of an earlier life.
    const again = await start();
    expect(await generateAll(again.generator, { ...request(), adapter })).toEqual(samples);
    // The server was started again and has forgotten it.
    server.adapters.clear();
    expect(await generateAll(again.generator, { ...request(), adapter })).toEqual(samples);
    expect(server.adapters.has(named(adapter))).toBe(true);
  });

  it('keeps no more than so many, and lets the least recently used go', async () => {
    server.behaviour = vllm;
    server.adapters.clear();
    const { generator } = await start({ OVERTONE_OPENAI_ADAPTERS: '2' });
    const [one, two, three] = adapters;
    for (const adapter of [one, two, one, three])
      await generateAll(generator, { ...request({}, 1), adapter });
    await expect.poll(() => [...server.adapters.keys()].sort()).toEqual([named(one), named(three)].sort());
  });

  it('says what a server lacks that cannot load them', async () => {
    server.behaviour = { ...vllm, lora: false };
    const { generator } = await start();
    const [adapter] = adapters;
    await expect(generateAll(generator, { ...request(), adapter })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringMatching(/--enable-lora .*VLLM_ALLOW_RUNTIME_LORA_UPDATING/),
    });
    server.behaviour = vllm;
    server.adapters.clear();
    const elsewhere = await start({ OVERTONE_OPENAI_ADAPTER_PATH: `${root}=/nowhere` });
    await expect(generateAll(elsewhere.generator, { ...request(), adapter })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringContaining('does the server see that folder'),
    });
    server.behaviour = usual;
    const llama = await start();
    await expect(generateAll(llama.generator, { ...request(), adapter })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      message: expect.stringContaining('only when it starts, as GGUF files'),
    });
  });
});
