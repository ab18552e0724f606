import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  EntropyKind,
  EvaluatorServiceClient,
  FinishReason,
  GeneratorServiceService,
  type EvaluateRequest,
  type EvaluateResponse,
  type GenerateRequest,
  type GenerateResponse,
} from '@overtone/contracts';
import {
  connect,
  type RunningServer,
  serve,
  serverStreamHandler,
  unaryHandler,
  waitForHealthy,
} from '@overtone/rpc';
import { chainSum } from '@overtone/tasks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const VERIFIER = `export const verify = async (problem, text) => ({ correct: text === 'Hmm', answered: true });`;
const verifier = join(mkdtempSync(join(tmpdir(), 'overtone-evaluator-')), 'verifier.mjs');
writeFileSync(verifier, VERIFIER);

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

const problems = [
  ...chainSum({ seed: 1, count: 5, minTerms: 2, maxTerms: 2, maxValue: 9 }),
  ...chainSum({ seed: 1, count: 5, minTerms: 4, maxTerms: 4, maxValue: 9 }),
];

const request: EvaluateRequest = {
  adapter: { sha256: 'f'.repeat(64), mediaType: 'application/vnd.overtone.adapter' },
  problems,
  sampling: { samples: 4, temperature: 0.6, topP: 0.95, maxNewTokens: 64, seed: 9, stop: [] },
  promptTemplate: 'Solve {question}',
  turns: [],
  bootstrapSeed: 3,
  verifierSha256: '',
};

/**
 * A test double of GeneratorService, which samples by rule: two-term questions are always right; of the others sample 0 is
 * right, 1 is wrong, 2 has no answer, 3 is cut at the limit. Later samples are sent first. With a temperature of 2 it
 * forgets a sample.
 */
async function* generateByRule(asked: GenerateRequest): AsyncGenerator<GenerateResponse> {
  const samples = asked.sampling?.samples ?? 0;
  for (
    let sampleIndex = samples - 1;
    sampleIndex >= (asked.sampling?.temperature === 2 ? 1 : 0);
    sampleIndex--
  ) {
    for (const { id, messages } of asked.prompts) {
      const problem = problems.find((each) => `Solve ${each.question}` === messages[0]?.content);
      if (!problem || asked.adapter?.sha256 !== request.adapter?.sha256)
        throw new Error('not what was to be asked');
      const easy = problem.difficulty.startsWith('terms=2');
      const texts = [`\\boxed{${problem.answer}}`, '\\boxed{12345}', 'Hmm', '1 + '];
      yield {
        promptId: id,
        sampleIndex,
        text: texts[easy ? 0 : sampleIndex] ?? '',
        tokenIds: Array.from({ length: sampleIndex + 1 }, () => 5),
        tokenLogprobs: [],
        tokenEntropies: [],
        finishReason:
          easy || sampleIndex < 3 ? FinishReason.FINISH_REASON_STOP : FinishReason.FINISH_REASON_LENGTH,
        promptTokens: 3,
        entropyKind: EntropyKind.ENTROPY_KIND_NONE,
        tokenEntropyErrors: [],
        completionTokens: 0,
      };
    }
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('the evaluator process', () => {
  let generator: RunningServer;
  let child: ChildProcess;
  let address = '';

  beforeAll(async () => {
    generator = await serve({
      name: 'generator-double',
      services: [
        {
          definition: GeneratorServiceService,
          implementation: {
            generate: serverStreamHandler(generateByRule),
            describeModel: unaryHandler(() => Promise.reject(new Error('not asked for'))),
            score: unaryHandler(() => Promise.reject(new Error('not asked for'))),
          },
        },
      ],
    });
    child = spawn(process.execPath, [MAIN], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        OVERTONE_GENERATOR: generator.address,
        OVERTONE_VERIFIER: verifier,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (!child.stdout) throw new Error('no stdout');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const listening = JSON.parse(line) as Record<string, string>;
    expect(listening).toMatchObject({ event: 'listening', service: 'evaluator' });
    address = listening.address ?? '';
    await waitForHealthy(address);
  });

  afterAll(async () => {
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await generator.close();
  });

  async function evaluate(changes: Partial<EvaluateRequest> = {}): Promise<EvaluateResponse[]> {
    const evaluator = connect(EvaluatorServiceClient, address);
    try {
      return await collect(evaluator.evaluate({ ...request, ...changes }));
    } finally {
      evaluator.close();
    }
  }

  it('streams every verified sample, then the metrics', async () => {
    const events = (await evaluate()).map(({ event }) => event);
    const samples = events.flatMap((event) => (event?.$case === 'sample' ? [event.value] : []));
    expect(samples).toHaveLength(40);
    expect(samples.filter(({ correct }) => correct)).toHaveLength(25);
    expect(samples.filter(({ answered }) => !answered)).toHaveLength(10);
    const last = events.at(-1);
    if (last?.$case !== 'summary') throw new Error('expected the summary last');
    expect(last.value.metrics).toHaveLength(3);
    expect(last.value.metrics).toMatchObject([
      {
        difficulty: '',
        problems: 10,
        samples: 4,
        avg: 0.625,
        pass: 1,
        meanTokens: 2.5,
        truncated: 0.125,
        unanswered: 0.25,
      },
      {
        difficulty: 'terms=2,max=9',
        problems: 5,
        avg: 1,
        avgLower: 1,
        avgUpper: 1,
        truncated: 0,
        unanswered: 0,
      },
      { difficulty: 'terms=4,max=9', problems: 5, avg: 0.25, pass: 1, truncated: 0.25, unanswered: 0.5 },
    ]);
    const [all] = last.value.metrics;
    expect(all?.avgLower).toBeLessThan(0.625);
    expect(all?.avgUpper).toBeGreaterThan(0.625);
  });

  it('verifies with the function that it was started with, when that is asked for', async () => {
    const own = createHash('sha256').update(VERIFIER).digest('hex');
    const events = (await evaluate({ verifierSha256: own })).map(({ event }) => event);
    const samples = events.flatMap((event) => (event?.$case === 'sample' ? [event.value] : []));
    expect(samples.filter(({ correct }) => correct)).toHaveLength(5);
    expect(samples.every(({ text, correct }) => correct === (text === 'Hmm'))).toBe(true);
    await expect(evaluate({ verifierSha256: 'e'.repeat(64) })).rejects.toThrow(
      /FAILED_PRECONDITION.*has the verifier [0-9a-f]{64}; start it with OVERTONE_VERIFIER/,
    );
  });

  it('does not start with a verifier that cannot be loaded', async () => {
    const environment = {
      PATH: process.env.PATH,
      OVERTONE_GENERATOR: 'localhost:1',
      OVERTONE_VERIFIER: '/none.ts',
    };
    const failing = spawn(process.execPath, [MAIN], {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    failing.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    expect(await once(failing, 'exit')).toEqual([2, null]);
    expect(said).toContain('evaluator: verifier /none.ts: no such file');
  });

  const sampling = { samples: 4, temperature: 0.6, topP: 0.95, maxNewTokens: 64, seed: 9, stop: [] };
  it.each<[Partial<EvaluateRequest>, RegExp]>([
    [{ problems: [] }, /INVALID_ARGUMENT.*problems: expected at least one/],
    [{ problems: [...problems, ...problems.slice(0, 1)] }, /INVALID_ARGUMENT.*problems\[10\]\.id/],
    [
      { problems: problems.slice(0, 1).map((each) => ({ ...each, answer: ' ' })) },
      /problems\[0\]\.answer: must not be empty/,
    ],
    [{ sampling: undefined }, /INVALID_ARGUMENT.*sampling/],
    [{ sampling: { ...sampling, samples: 0 } }, /sampling\.samples/],
    [{ sampling: { ...sampling, topP: 1.5 } }, /sampling\.top_p: must be in \(0, 1\], got 1\.5/],
    [{ promptTemplate: 'Solve it.' }, /prompt_template/],
    [{ sampling: { ...sampling, temperature: 2 } }, /INTERNAL.*1 of 4 samples of problem .* missing/],
  ])('refuses %j', async (changes, message) => {
    await expect(evaluate(changes)).rejects.toThrow(message);
  });
});
