// `npm run bench:rpc`: what gRPC itself costs per item, between two processes of this machine.
//
//   --rounds 5   how often each is measured
//
// A comparison is answered at once, a sample is there already: what is left is serialisation, HTTP/2 and this house's flow control.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type CompareRequest,
  EntropyKind,
  FinishReason,
  type GenerateResponse,
  GeneratorServiceClient,
  GeneratorServiceService,
  JudgeServiceClient,
  JudgeServiceService,
  Outcome,
  type ScoreRequest,
  type ScoreResponse,
} from '@overtone/contracts';
import { bidiHandler, connect, serve, serverStreamHandler, unaryHandler } from '@overtone/rpc';
import { type Spread, spreadOf } from '../spread.ts';

const TOKENS = 100;
const numbers = Array.from({ length: TOKENS }, (_, index) => index / 7);
const text = 'so 12 + 7 = 19, '.repeat(TOKENS / 5);

const sampleOf = (promptId: string, sampleIndex: number): GenerateResponse => ({
  promptId,
  sampleIndex,
  text,
  tokenIds: numbers.map((_, index) => index * 11),
  tokenLogprobs: numbers,
  tokenEntropies: numbers,
  finishReason: FinishReason.FINISH_REASON_STOP,
  promptTokens: 30,
  entropyKind: EntropyKind.ENTROPY_KIND_EXACT,
  tokenEntropyErrors: [],
  completionTokens: TOKENS,
});
const scoreOf = (id: string): ScoreResponse => ({
  id,
  tokenLogprobs: numbers,
  tokenEntropies: numbers,
  tokenEnds: [],
  continuationLogprobs: [],
  usage: { promptTokens: 30, completionTokens: TOKENS },
});

if (process.send !== undefined) await answer();
else await measure();

/** The other process: answers at once. */
async function answer(): Promise<void> {
  const server = await serve({
    name: 'cost',
    reflection: false,
    services: [
      {
        definition: JudgeServiceService,
        implementation: {
          describe: unaryHandler(() => ({ name: 'cost', backend: 'none', fingerprint: 'cost' })),
          compare: bidiHandler(async function* (requests: AsyncIterable<CompareRequest>) {
            for await (const { id } of requests)
              yield {
                id,
                preferenceFirst: 0.75,
                outcome: Outcome.OUTCOME_FIRST,
                rationale: '',
                usage: undefined,
              };
          }),
        },
      },
      {
        definition: GeneratorServiceService,
        implementation: {
          describeModel: unaryHandler(() => ({ model: 'cost' })),
          generate: serverStreamHandler(async function* ({
            prompts,
            sampling,
          }: Parameters<typeof GeneratorServiceService.generate.requestSerialize>[0]) {
            for (const { id } of prompts)
              for (let index = 0; index < (sampling?.samples ?? 0); index++) yield sampleOf(id, index);
          }),
          score: bidiHandler(async function* (requests: AsyncIterable<ScoreRequest>) {
            for await (const { id } of requests) yield scoreOf(id);
          }),
        },
      },
    ],
  });
  process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
  process.send?.({ address: server.address });
}

interface Cost {
  /** Microseconds an item on the clock. */
  readonly wall: number;
  /** Microseconds an item of the processors of both sides. */
  readonly cpu: number;
}

async function measure(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
  const other = fork(fileURLToPath(import.meta.url));
  const [{ address }] = (await once(other, 'message')) as [{ address: string }];
  const judge = connect(JudgeServiceClient, address);
  const generator = connect(GeneratorServiceClient, address);
  /** Microseconds of the processors of both processes so far. */
  const used = async (): Promise<number> => {
    other.send('cpu');
    const [{ cpu }] = (await once(other, 'message')) as [{ cpu: NodeJS.CpuUsage }];
    const own = process.cpuUsage();
    return cpu.user + cpu.system + own.user + own.system;
  };
  const cost = async (items: number, work: () => AsyncIterable<unknown>): Promise<Cost> => {
    const before = await used();
    const started = performance.now();
    let count = 0;
    for await (const _ of work()) count++;
    const wall = (performance.now() - started) * 1000;
    if (count !== items) throw new Error(`${count} answers to ${items} items`);
    return { wall: wall / items, cpu: ((await used()) - before) / items };
  };

  const ITEMS = 4000;
  const solution = 'We add step by step: 3 + 4 = 7, 7 + 5 = 12. The answer is \\boxed{12}. '.repeat(4);
  const comparisons = Array.from({ length: ITEMS }, (_, index) => ({
    id: String(index),
    question: 'What is 3 + 4 + 5?',
    first: solution,
    second: solution,
  }));
  const requests = Array.from({ length: ITEMS }, (_, index) => ({
    id: String(index),
    adapter: undefined,
    messages: [{ role: 'user', content: solution }],
    target: { $case: 'completion' as const, value: { text } },
  }));
  const generation = {
    adapter: undefined,
    prompts: Array.from({ length: ITEMS / 8 }, (_, index) => ({
      id: String(index),
      messages: [{ role: 'user', content: 'What is 3 + 4 + 5?' }],
    })),
    sampling: { samples: 8, temperature: 1, topP: 1, maxNewTokens: 128, seed: 1, stop: [] },
  };
  const bytes = {
    sample: GeneratorServiceService.generate.responseSerialize(sampleOf('100', 1)).length,
    score: GeneratorServiceService.score.responseSerialize(scoreOf('100')).length,
  };
  const cases = {
    comparison: () => judge.compare(comparisons),
    sample: () => generator.generate(generation),
    score: () => generator.score(requests),
  };
  const spread = ({ median, lowest, highest }: Spread): string =>
    `${median.toFixed(0)} [${lowest.toFixed(0)} – ${highest.toFixed(0)}]`;
  process.stdout.write(
    `${ITEMS} items, ${values.rounds} rounds; microseconds an item, median [least – most]\n`,
  );
  for (const [name, work] of Object.entries(cases)) {
    await cost(ITEMS, work);
    const rounds: Cost[] = [];
    for (let round = 0; round < Number(values.rounds); round++) rounds.push(await cost(ITEMS, work));
    const wall = spreadOf(rounds.map((each) => each.wall));
    const size = name === 'sample' ? bytes.sample : name === 'score' ? bytes.score : undefined;
    process.stdout.write(
      `${name.padEnd(10)}  ${spread(wall)} on the clock, ${spread(spreadOf(rounds.map(({ cpu }) => cpu)))} of processors, both sides` +
        `${size === undefined ? '' : `; ${size} bytes each, ${(size / wall.median).toFixed(1)} MB/s`}\n`,
    );
  }
  judge.close();
  generator.close();
  other.kill();
}
