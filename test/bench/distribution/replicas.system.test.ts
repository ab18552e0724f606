// Replicas behind one address: two judges that wait for the network judge nearly twice as fast as one and come to the same verdicts, and
// two generators sample what one samples, bit by bit.
import { fileURLToPath } from 'node:url';
import type { GenerateResponse } from '@overtone/contracts';
import { Supervisor } from '@overtone/experiment';
import { connectGenerator } from '@overtone/rpc';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMPARISONS_EACH, JudgeReplicas } from './judge-replicas.ts';

const QUESTIONS = 12;
let judges: JudgeReplicas;

beforeAll(async () => {
  judges = await JudgeReplicas.start({ delayMs: 200, concurrency: [4, 4] });
  // What starts once: connections, and code that is compiled.
  await judges.judge([0, 1], 2);
});
afterAll(() => judges.close());

it('two judges behind one address judge 1.6 times as fast as one, at the least', { retry: 2 }, async () => {
  const one = await judges.judge([0], QUESTIONS);
  const two = await judges.judge([0, 1], QUESTIONS);
  const ratio = one.seconds / two.seconds;
  process.stdout.write(
    `${one.comparisons} comparisons: one replica ${one.seconds.toFixed(2)} s, two ${two.seconds.toFixed(2)} s, ${ratio.toFixed(2)} ×\n`,
  );
  expect([one.comparisons, two.comparisons]).toEqual(Array(2).fill(QUESTIONS * COMPARISONS_EACH));
  expect([one.paidTwice, two.paidTwice]).toEqual([0, 0]);
  expect(two.verdicts).toBe(one.verdicts);
  expect(ratio).toBeGreaterThanOrEqual(1.6);
});

it('two generators behind one address sample what one samples', async () => {
  const supervisor = new Supervisor();
  const OVERTONE_MODEL = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));
  const environment = { OVERTONE_MODEL, OVERTONE_WORKERS: '1' };
  try {
    const addresses = await Promise.all(
      [1, 2].map((number) => supervisor.start('generator', environment, `generator-${number}`)),
    );
    const [one, two] = await Promise.all([
      sampled(addresses[0] ?? ''),
      sampled(`ipv4:${addresses.join(',')}`),
    ]);
    expect(one).toHaveLength(48);
    expect(two).toEqual(one);
  } finally {
    await supervisor.stop();
  }
});

/** Samples of some questions, by question and index. */
async function sampled(address: string): Promise<GenerateResponse[]> {
  const generator = connectGenerator(address);
  try {
    const prompts = Array.from({ length: 24 }, (_, index) => ({
      id: `q${String(index).padStart(2, '0')}`,
      messages: [{ role: 'user', content: `${index + 2} + ${(index * 7) % 9} - ${index % 3}` }],
    }));
    const sampling = { samples: 2, temperature: 1, topP: 1, maxNewTokens: 96, seed: 1, stop: [] };
    const samples: GenerateResponse[] = [];
    for await (const sample of generator.generate({ adapter: undefined, prompts, sampling }))
      samples.push(sample);
    const place = ({ promptId, sampleIndex }: GenerateResponse): string => `${promptId} ${sampleIndex}`;
    return samples.sort((left, right) => (place(left) < place(right) ? -1 : 1));
  } finally {
    generator.close();
  }
}
