import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import {
  EntropyKind,
  FinishReason,
  GeneratorServiceClient,
  type ArtifactRef,
  type GenerateRequest,
  type GenerateResponse,
  type ScoreRequest,
} from '@overtone/contracts';
import {
  loraShapes,
  modelDigest,
  parameterSpecs,
  readDecoderConfig,
  readTokenizer,
  writeAdapter,
  writeModel,
  type LoraConfig,
} from '@overtone/language-model';
import { connect, waitForHealthy, type Remote } from '@overtone/rpc';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Configuration and tokenizer of the miniature; the weights are random. */
const MINIATURE = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));

let root: string;
let model: string;
let adapter: ArtifactRef;
let service: { child: ChildProcess; address: string };
let generator: Remote<typeof GeneratorServiceClient.service>;

function randomTensor(name: string, shape: readonly number[], scale: number) {
  const random = seededRandom('generator test', name);
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, () => scale * normalDeviate(random)) };
}

function start(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      OVERTONE_WORKERS: '2',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function startGenerator(): Promise<typeof service> {
  const child = start({
    OVERTONE_MODEL: model,
    OVERTONE_ARTIFACTS: pathToFileURL(join(root, 'artifacts')).href,
  });
  if (!child.stdout || !child.stderr) throw new Error('the generator has no pipes');
  child.stderr.pipe(process.stderr);
  for await (const line of createInterface(child.stdout)) {
    const { event, service, address = '' } = JSON.parse(line) as Record<string, string>;
    expect({ event, service }).toEqual({ event: 'listening', service: 'generator' });
    await waitForHealthy(address);
    return { child, address };
  }
  throw new Error('the generator ended before it listened');
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-generator-'));
  model = join(root, 'random');
  const config = await readDecoderConfig(MINIATURE);
  const parameters = [...parameterSpecs(config)].map(([name, { shape }]) => {
    const tensor = randomTensor(name, shape, 0.2);
    return [name, name.includes('norm') ? { shape, data: tensor.data.fill(1) } : tensor] as const;
  });
  await writeModel(model, MINIATURE, new Map(parameters));
  const lora: LoraConfig = { r: 2, alpha: 4, targetModules: ['v_proj', 'down_proj'] };
  const matrices = [...loraShapes(config, lora)].map(
    ([name, shape]) => [name, randomTensor(name, shape, 0.3)] as const,
  );
  await writeAdapter(join(root, 'adapter'), { lora, parameters: new Map(matrices) }, 'random');
  const store = openStore(pathToFileURL(join(root, 'artifacts')).href);
  adapter = await store.putFolder(join(root, 'adapter'), 'application/vnd.overtone.adapter');
  service = await startGenerator();
  generator = connect(GeneratorServiceClient, service.address);
});

afterAll(async () => {
  generator.close();
  const ended = once(service.child, 'exit');
  service.child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await rm(root, { recursive: true, force: true });
});

const user = (content: string) => [{ role: 'user', content }];

function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    adapter: undefined,
    prompts: Array.from({ length: 10 }, (_, index) => ({
      id: `p${index}`,
      messages: user(`${index} + ${10 - index}${' + 2'.repeat(index)}`),
    })),
    sampling: { samples: 3, temperature: 1, topP: 0.9, maxNewTokens: 40, seed: 11, stop: [] },
    ...change,
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** In the order of prompts: samples come in the order in which they finish. */
async function generate(of: GenerateRequest): Promise<GenerateResponse[]> {
  const key = ({ promptId, sampleIndex }: GenerateResponse): string => `${promptId}/${sampleIndex}`;
  return (await collect(generator.generate(of))).sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function completion(id: string, sample: GenerateResponse, to?: ArtifactRef): ScoreRequest {
  const messages = request().prompts.find((prompt) => prompt.id === sample.promptId)?.messages ?? [];
  return { id, adapter: to, messages, target: { $case: 'completion', value: { text: sample.text } } };
}

describe('the generator process', () => {
  it('describes its model', async () => {
    expect(await generator.describeModel({})).toEqual({
      model: 'random',
      sha256: await modelDigest(model),
      architecture: 'Qwen3ForCausalLM',
      parameters: expect.any(Number),
      vocabularySize: 46,
      contextLength: 512,
      backend: 'engine',
      entropyKind: EntropyKind.ENTROPY_KIND_EXACT,
    });
  });

  it('samples with and without an adapter, and scores what it sampled as it sampled it', async () => {
    const base = await generate(request());
    expect(base).toHaveLength(30);
    for (const sample of base) {
      expect(sample.tokenLogprobs).toHaveLength(sample.tokenIds.length);
      expect(sample.tokenEntropies).toHaveLength(sample.tokenIds.length);
      expect(sample.text).not.toContain('<|end|>');
      expect(sample.finishReason).toBe(
        sample.tokenIds.length === 40 && sample.tokenIds.at(-1) !== 2
          ? FinishReason.FINISH_REASON_LENGTH
          : FinishReason.FINISH_REASON_STOP,
      );
    }
    const adapted = await generate(request({ adapter }));
    expect(adapted).not.toEqual(base);
    expect(await generate(request())).toEqual(base);

    const many = { samples: 20, temperature: 1, topP: 1, maxNewTokens: 30, seed: 5, stop: [] };
    const tokenizer = await readTokenizer(model);
    for (const to of [undefined, adapter]) {
      const samples = await generate(request({ sampling: many, adapter: to }));
      const requests = samples.map((sample, index) => completion(`${index}`, sample, to));
      const scores = await collect(generator.score(requests));
      expect(scores.map(({ id }) => id).sort()).toEqual(requests.map(({ id }) => id).sort());
      let compared = 0;
      for (const { id, tokenLogprobs, tokenEntropies, usage } of scores) {
        const sample = samples[Number(id)];
        expect(usage?.promptTokens).toBe(sample?.promptTokens);
        expect(usage?.completionTokens).toBe(tokenLogprobs.length);
        // Random text need not be tokenised as it was sampled.
        const encoded = [...tokenizer.encode(sample?.text ?? ''), tokenizer.eosTokenId];
        if (encoded.join() !== sample?.tokenIds.join()) continue;
        compared += 1;
        tokenLogprobs.forEach((logprob, at) =>
          expect(logprob).toBeCloseTo(sample.tokenLogprobs[at] ?? NaN, 3),
        );
        tokenEntropies.forEach((entropy, at) =>
          expect(entropy).toBeCloseTo(sample.tokenEntropies[at] ?? NaN, 3),
        );
      }
      expect(compared).toBeGreaterThan(0);
    }
  });

  it('compares continuations', async () => {
    const ask = (id: string, texts: string[]): ScoreRequest => ({
      id,
      adapter: undefined,
      messages: user('1 + 1'),
      target: { $case: 'continuations', value: { texts } },
    });
    const digits = [...'0123456789'];
    const [all, pair] = (await collect(generator.score([ask('all', digits), ask('pair', ['12', '1'])]))).sort(
      (a, b) => (a.id < b.id ? -1 : 1),
    );
    expect(all?.continuationLogprobs).toHaveLength(10);
    expect(all?.tokenLogprobs).toEqual([]);
    const mass = (all?.continuationLogprobs ?? []).reduce((sum, logprob) => sum + Math.exp(logprob), 0);
    expect(mass).toBeGreaterThan(0);
    expect(mass).toBeLessThan(1);
    const [longer = NaN, shorter = NaN] = pair?.continuationLogprobs ?? [];
    expect(longer).toBeLessThan(shorter);
    expect(shorter).toBeCloseTo(all?.continuationLogprobs[1] ?? NaN, 4);
  });

  it('scores a long stream that is answered while it is sent', async () => {
    const count = 600;
    let sent = 0;
    function* requests(): Generator<ScoreRequest> {
      for (; sent < count; sent++) {
        yield {
          id: `${sent}`,
          adapter: undefined,
          messages: user(`${sent} + 1`),
          target: { $case: 'completion', value: { text: `${sent + 1}` } },
        };
      }
    }
    const ids = new Set<string>();
    for await (const { id } of generator.score(requests())) ids.add(id);
    expect(ids.size).toBe(count);
  });

  it('answers health checks within 50 ms while it samples', async () => {
    const controller = new AbortController();
    const sampling = { samples: 50, temperature: 1, topP: 1, maxNewTokens: 400, seed: 1, stop: [] };
    const busy = collect(generator.generate(request({ sampling }), { signal: controller.signal }));
    const latencies: number[] = [];
    for (let check = 0; check < 20; check++) {
      await setTimeout(20);
      const started = performance.now();
      await generator.describeModel({});
      latencies.push(performance.now() - started);
    }
    const started = performance.now();
    await waitForHealthy(service.address);
    latencies.push(performance.now() - started);
    controller.abort();
    await expect(busy).rejects.toThrow(/abort/i);
    expect(latencies.sort((a, b) => a - b).at(-2)).toBeLessThan(50);
  });

  const sampling = request().sampling;
  it.each([
    ['INVALID_ARGUMENT', 'prompts: must not be empty', { prompts: [] }],
    [
      'INVALID_ARGUMENT',
      'prompts[1].id: "a"',
      { prompts: [1, 2].map(() => ({ id: 'a', messages: user('1') })) },
    ],
    ['INVALID_ARGUMENT', 'prompts[0].messages: must not', { prompts: [{ id: 'a', messages: [] }] }],
    [
      'INVALID_ARGUMENT',
      'prompts[0]: the chat template cannot render',
      { prompts: [{ id: 'a', messages: [{ role: 'system', content: '1' }] }] },
    ],
    [
      'INVALID_ARGUMENT',
      'prompts[0].messages[0].role: must be',
      { prompts: [{ id: 'a', messages: [{ role: 'root', content: '1' }] }] },
    ],
    ['INVALID_ARGUMENT', 'sampling.samples:', { sampling: { ...sampling, samples: 2 ** 32 - 1 } }],
    ['INVALID_ARGUMENT', 'sampling.stop[0]:', { sampling: { ...sampling, stop: ['x'.repeat(5000)] } }],
    [
      'INVALID_ARGUMENT',
      'prompts[0].messages: 200000 characters cannot fit',
      { prompts: [{ id: 'a', messages: user('1'.repeat(200_000)) }] },
    ],
    [
      'INVALID_ARGUMENT',
      'prompts[1]: Prompt b has',
      { prompts: ['1', '1'.repeat(480)].map((text, i) => ({ id: i ? 'b' : 'a', messages: user(text) })) },
    ],
    ['INVALID_ARGUMENT', 'sampling: must be set', { sampling: undefined }],
    ['INVALID_ARGUMENT', 'sampling.samples:', { sampling: { ...sampling, samples: 0 } }],
    ['INVALID_ARGUMENT', 'sampling.temperature:', { sampling: { ...sampling, temperature: -1 } }],
    ['INVALID_ARGUMENT', 'sampling.top_p:', { sampling: { ...sampling, topP: 0 } }],
    ['INVALID_ARGUMENT', 'sampling.max_new_tokens:', { sampling: { ...sampling, maxNewTokens: 0 } }],
    ['INVALID_ARGUMENT', 'adapter.sha256:', { adapter: { sha256: 'x', mediaType: '' } }],
    [
      'NOT_FOUND',
      `adapter ${'0'.repeat(64)} is not in file:///`,
      { adapter: { sha256: '0'.repeat(64), mediaType: 'application/vnd.overtone.adapter' } },
    ],
  ] as [string, string, Partial<GenerateRequest>][])(
    'refuses with %s: %s …',
    async (codeName, message, change) => {
      await expect(collect(generator.generate(request(change)))).rejects.toMatchObject({
        codeName,
        message: expect.stringContaining(message),
      });
    },
  );

  it('refuses a text to score that cannot be used, by its id', async () => {
    const target = { $case: 'completion' as const, value: { text: '1' } };
    const good: ScoreRequest = { id: 'good', adapter: undefined, messages: user('1'), target };
    for (const [message, bad] of [
      [
        'continuations.texts[1] (request "bad"): must not be empty',
        { target: { $case: 'continuations', value: { texts: ['1', ''] } } },
      ],
      ['target (request "bad"): must be', { target: undefined }],
      ['request "bad": prompt and continuations have', { messages: user('1'.repeat(600)) }],
      ['adapter: request "bad" names another', { adapter }],
    ] as [string, Partial<ScoreRequest>][]) {
      await expect(collect(generator.score([good, { ...good, id: 'bad', ...bad }]))).rejects.toMatchObject({
        codeName: 'INVALID_ARGUMENT',
        message: expect.stringContaining(message),
      });
    }
  });

  it('gives the same samples after it was killed and started again', async () => {
    const before = await generate(request());
    const ended = once(service.child, 'exit');
    service.child.kill('SIGKILL');
    await ended;
    generator.close();
    service = await startGenerator();
    generator = connect(GeneratorServiceClient, service.address);
    expect(await generate(request())).toEqual(before);
  });

  it('says in one line what is wrong with a model folder, and exits with 2', async () => {
    const empty = join(root, 'empty');
    await cp(MINIATURE, empty, { recursive: true, filter: (path) => !path.endsWith('.safetensors') });
    const child = start({ OVERTONE_MODEL: empty });
    let said = '';
    child.stderr?.on('data', (text) => (said += String(text)));
    expect((await once(child, 'close'))[0]).toBe(2);
    expect(said).toMatch(/^generator: .*empty: no \*\.safetensors file.*\n$/);
  });
});
